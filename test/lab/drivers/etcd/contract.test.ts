/** etcd v3 keeps the contract that all sources have in common. */
import { startEtcd } from '../../../helpers/etcd.ts';
import { sourceContract } from '../../contract/source-contract.ts';
import { EtcdV3Store } from './etcd-v3-store.ts';

sourceContract('etcd v3', async () => new EtcdV3Store(await startEtcd()));
