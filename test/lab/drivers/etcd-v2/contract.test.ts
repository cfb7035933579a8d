/** etcd v2 keeps the contract that all sources have in common. */
import { startEtcd } from '../../../helpers/etcd.ts';
import { sourceContract } from '../../contract/source-contract.ts';
import { EtcdV2Store } from './etcd-v2-store.ts';

sourceContract('etcd v2', async () => new EtcdV2Store(await startEtcd({ extraArgs: ['--enable-v2'] })));
