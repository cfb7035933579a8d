# Made by docs/generate-installed.ts from config/flags.ts; edit that.
_selvage() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  # bash splits at "=", so that a value may stand behind it or in the next word.
  if [[ $current == = ]]; then current=; elif [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi
  case $previous in
    --format) COMPREPLY=($(compgen -W 'table json markdown commands state-file' -- "$current")); return ;;
    --color) COMPREPLY=($(compgen -W 'auto always never' -- "$current")); return ;;
    --lease) COMPREPLY=($(compgen -W 'acquire adopt' -- "$current")); return ;;
    --etcd-api) COMPREPLY=($(compgen -W 'auto v2 v3' -- "$current")); return ;;
    --from) COMPREPLY=($(compgen -W 'v2 v3' -- "$current")); return ;;
    --to) COMPREPLY=($(compgen -W 'v2 v3' -- "$current")); return ;;
    --docker) COMPREPLY=($(compgen -W 'off report opts daemon-json' -- "$current")); return ;;
    --docker-restart) COMPREPLY=($(compgen -W 'never idle always' -- "$current")); return ;;
    --log-level) COMPREPLY=($(compgen -W 'trace debug info warn error' -- "$current")); return ;;
    --log-format) COMPREPLY=($(compgen -W 'auto text json' -- "$current")); return ;;
    --etcd-keyfile|--etcd-certfile|--etcd-cafile|--subnet-file|--state-file|--state-cache|--docker-daemon-json|--docker-opts-file|--metrics-file|--control-socket|--kubeconfig-file|--net-config-path) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --etcd-endpoints|--etcd-prefix|--etcd-username|--etcd-password|--iface|--iface-regex|--public-ip|--subnet-lease-renew-margin|--iptables-resync|--healthz-ip|--healthz-port|--v|--peers|--subnet-lease-ttl|--resync|--cloud-resync|--probe-interval|--migration-grace|--docker-host|--docker-bridge|--docker-opts-key|--docker-restart-command|--docker-restart-window|--docker-restart-window-duration|--docker-restart-holdoff|--http|--public-ipv6|--iface-can-reach|--kube-api-url|--kube-annotation-prefix|--vmodule|--log_backtrace_at) COMPREPLY=(); return ;;
    check-config) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W '--etcd-endpoints --etcd-prefix --etcd-keyfile --etcd-certfile --etcd-cafile --etcd-username --etcd-password --iface --iface-regex --public-ip --subnet-file --subnet-lease-renew-margin --ip-masq --ip-masq-fully-random-disable --iptables-forward-rules --iptables-resync --healthz-ip --healthz-port --v --version --help --once --format --probe --peers --all --color --subnet-lease-ttl --resync --cloud-resync --probe-interval --migration-grace --keep-stale --lease --etcd-api --state-file --state-cache --from --to --apply --hand-back --release-lease --dry-run --docker --docker-host --docker-bridge --docker-daemon-json --docker-opts-file --docker-opts-key --docker-opts-combined --docker-restart --docker-restart-command --docker-restart-window --docker-restart-window-duration --docker-restart-holdoff --http --fleet --wrong --metrics-file --control-socket --watch --log-level --log-format --public-ipv6 --iface-can-reach --ip-blackhole-route --kube-subnet-mgr --kube-api-url --kube-annotation-prefix --kubeconfig-file --net-config-path --set-node-network-unavailable --vmodule --log_backtrace_at' -- "$current"))
  else
    COMPREPLY=($(compgen -W 'run drift leases fleet doctor migrate leave status check-config docker-opts version help' -- "$current"))
  fi
}
complete -F _selvage selvage
