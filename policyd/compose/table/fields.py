"""The one table of fields: what Compose knows about each path of a project, a row a field.

A row is: the key below its parent (`*` any key, `[]` any item), what the schema accepts there, the
model (the type that the value is loaded into and printed from), then the rules that not every field
has:

    cast=       strings are read as this at interpolation: bool, int, float
    merge=      how a later file changes it (merge.py); default: mappings by key, lists appended
    unique=     what makes two items of the list the same one (unicity.py)
    long=       how the short form becomes the long one (canonical.py)
    default=    what is filled in where it is missing (canonical.py)
    path=       how a relative path in it is made absolute (paths.py)
    enum= pattern= min= max= required=          what else the schema demands of it
    keys=, names                                what keys below `*` look like; names of Compose
    x, closed, open                             other keys: `x-` ones only, none, any
    user-keys                                   keys that begin with `x-` are ordinary names
    json=, hidden                               printed under another key, not printed

`list!` is a list without equal items. A model with `?` is printed whenever it is there, one with
`!` always, others when not empty. `@shape` stands for rows that many fields share. Sources: the
schema, types/*.go, override/*.go, transform/*.go and paths/*.go of compose-go v2.14.0.
"""

from __future__ import annotations

from typing import Final

from policyd.compose.table.field import Field, table
from policyd.compose.table.shapes import SHAPES

TABLE: Final = """
version str any
name str any
include list any
 * any any long=include
 [] any any long=include
services map map names user-keys
 * map struct x
  annotations @pairs mapping merge=sequence unique=key
  attach bool|str bool?
  blkio_config map struct? closed
   device_read_bps @rates
   device_read_iops @rates
   device_write_bps @rates
   device_write_iops @rates
   weight int|str uint16
   weight_device list list
    [] map struct closed
     path str str! json=Path
     weight int|str uint16! json=Weight
  build str|map struct? x merge=build long=build default=context
   additional_contexts @pairs mapping merge=sequence unique=key long=pairs
    * str|num|bool|null any path=context
   args @pairs variables merge=sequence unique=key
   cache_from @texts
   cache_to @texts
   context str str path=context
   dockerfile str str
   dockerfile_inline str str
   entitlements @texts
   extra_hosts @hosts
   isolation str str
   labels @pairs labels merge=sequence unique=key
   network str str
   no_cache bool|str bool
   no_cache_filter @word-or-words
   platforms @texts
   privileged bool|str bool
   provenance str|bool str long=text
   pull bool|str bool
   sbom str|bool str long=text
   secrets @files
   shm_size int|str bytes
   ssh @pairs ssh long=ssh
    * str|num|bool|null any path=file
   tags @texts unique=key
   target str str
   ulimits @limits
  cap_add @words unique=key
  cap_drop @words unique=key
  cgroup str str enum=host,private
  cgroup_parent str str
  command @command merge=replace
  configs @files unique=config
  container_name str str pattern=[a-zA-Z0-9][a-zA-Z0-9_.-]+
  cpu_count str|int int cast=int min=0
  cpu_percent str|int float cast=float min=0 max=100
  cpu_period num|str int cast=int
  cpu_quota num|str int cast=int
  cpu_rt_period num|str int cast=int
  cpu_rt_runtime num|str int cast=int
  cpu_shares num|str int cast=int
  cpus num|str float cast=float32
  cpuset str str
  credential_spec map struct? x
   config str str
   file str str
   registry str str
  depends_on list!|map map names user-keys merge=depends_on long=depends_on
   [] str any
   * map struct x required=condition
    condition str str enum=service_started,service_healthy,service_completed_successfully
    required bool bool! cast=bool
    restart bool|str bool cast=bool
  deploy null|map struct? x
   endpoint_mode str str
   labels @pairs labels merge=sequence unique=key
   mode str str
   placement map struct! x
    constraints @texts
    max_replicas_per_node int|str uint64 cast=int
    preferences list list
     [] map struct x
      spread str str
   replicas int|str int? cast=int
   resources map struct! x
    limits map struct? x
     cpus num|str cpus
     memory str bytes
     pids int|str int
    reservations map struct? x
     cpus num|str cpus
     devices list list
      [] map struct x required=capabilities default=count
       capabilities @words
       count str|int count
       device_ids @words
       driver str str
       options @pairs mapping
     generic_resources list list
      [] map struct x
       discrete_resource_spec map struct? x
        kind str str!
        value num|str int!
     memory str bytes
   restart_policy map struct? x
    condition str str
    delay str duration?
    max_attempts int|str uint64? cast=int
    window str duration?
   rollback_config @update
   update_config @update
  develop null|map struct? x
   watch list list
    [] map struct x required=path,action
     action str str! enum=rebuild,sync,restart,sync+restart,sync+exec
     exec @hook struct!
     ignore @word-or-words long=list
     include @word-or-words long=list
     initial_sync bool bool
     path str str! path=symlink
     target str str
  device_cgroup_rules @words
  devices list list unique=device
   [] str|map struct x required=source long=device
    permissions str str
    source str str
    target str str
  dns @word-or-words merge=sequence unique=key long=dns
  dns_opt @words merge=sequence unique=key
  dns_search @word-or-words merge=sequence unique=key
  domainname str str
  entrypoint @command merge=replace
  env_file str|list list hidden merge=sequence unique=path long=env_file
   [] str|map struct closed required=path
    format str str
    path str str path=path
    required bool|str bool!
  environment @pairs variables merge=sequence unique=key
  expose list! numbers unique=value
   [] str|num any
  extends str|map any closed required=service
   file str any path=extends
   service str any
  external_links @words
  extra_hosts @hosts
  gpus str|list list enum=all long=gpus
   [] map struct open default=count
    capabilities @words
    count str|int count
    device_ids @words
    driver str str
    options @pairs mapping
  group_add list! strings
   [] str|num str
  healthcheck map struct? x
   disable bool|str bool cast=bool
   interval str duration?
   retries num|str uint64? cast=int
   start_interval str duration?
   start_period str duration?
   test str|list test merge=replace
    [] str any
   timeout str duration?
  hostname str str
  image str str
  init bool|str bool? cast=bool
  ipc str str
  isolation str str
  label_file @text-or-texts merge=sequence long=list
   [] str str path=path
  labels @pairs labels merge=sequence unique=key
  links @words unique=key
  logging map struct? x merge=logging
   driver str str
   options map options open
    * str|num|null any
  mac_address str str
  mem_limit num|str bytes
  mem_reservation str|int bytes
  mem_swappiness int|str bytes
  memswap_limit num|str bytes
  models list!|map map names open merge=keys long=keys
   [] str any
   * map|null struct? x
    endpoint_var str str
    model_var str str
  network_mode str str
  networks list!|map map names merge=keys long=keys
   [] str any
   * map|null struct? x
    aliases @words unique=key
    driver_opts @options
    gw_priority num int
    interface_name str str
    ipv4_address str str
    ipv6_address str str
    link_local_ips @words unique=key
    mac_address str str
    priority num int
  oom_kill_disable bool|str bool cast=bool
  oom_score_adj str|int int cast=int min=-1000 max=1000
  pid str|null str
  pids_limit num|str int cast=int
  platform str str
  ports list! list unique=port long=ports
   [] num|str|map struct x default=port
    app_protocol str str
    host_ip str str
    mode str str
    name str str
    protocol str str
    published str|int str
    target int|str uint32 cast=int
  post_start list list
   [] @hook
  pre_start list list
   [] @pre-start-hook
  pre_stop list list
   [] @hook
  privileged bool|str bool cast=bool
  profiles @words unique=key
  provider map struct? x required=type
   options map lists open
    * str|num|bool|list any
     [] str|num|bool any
   type str str
  pull_policy @pull-policy
  pull_refresh_after str any hidden
  read_only bool|str bool cast=bool
  restart str str
  runtime str str
  scale int|str int? cast=int
  secrets @files unique=secret
   [] str|map struct x long=source default=secret
  security_opt @words
  shm_size num|str bytes
  stdin_open bool|str bool cast=bool
  stop_grace_period str duration?
  stop_signal str str
  storage_opt map strings-by-key open
   * any any
  sysctls @pairs mapping merge=sequence unique=key
  tmpfs @word-or-words merge=sequence unique=key
  tty bool|str bool cast=bool
  ulimits @limits
   * int|str|map any x required=soft,hard long=limit merge=replace cast=int
    hard int|str any cast=int
    soft int|str any cast=int
  use_api_socket bool bool
  user str str
  userns_mode str str
  uts str str
  volumes list! list unique=volume
   [] str|map struct x required=type path=volume long=volume
    bind map struct? x default=bind
     create_host_path bool|str opt-out
     propagation str str
     recursive str str enum=enabled,disabled,writable,readonly
     selinux str str enum=z,Z
    consistency str str
    image map struct? x
     subpath str str
    read_only bool|str bool cast=bool
    source str str
    target str str
    tmpfs map struct? x
     mode num|str uint32
     size int|str bytes min=0
    type str str enum=bind,volume,tmpfs,cluster,npipe,image
    volume map struct? x
     labels @pairs mapping
     nocopy bool|str bool cast=bool
     subpath str str
  volumes_from @words
  working_dir str str
models map map names open
 * map struct x required=model
  context_size int int
  model str str
  name str str
  runtime_flags @texts
networks map map names open user-keys
 * null|map struct? x long=external
  attachable bool|str bool cast=bool
  driver str str
  driver_opts @options
  enable_ipv4 bool|str bool? cast=bool
  enable_ipv6 bool|str bool? cast=bool
  external @external
  internal bool|str bool cast=bool
  ipam map struct! x
   config list list merge=subnets
    [] map struct x
     aux_addresses map mapping closed keys=.+
      * str any
     gateway str str
     ip_range str str
     subnet str str
   driver str str
   options map options closed keys=.+
    * str any
  labels @pairs labels merge=sequence unique=key
  name str str
volumes map map names user-keys
 * null|map struct x long=external path=driver_opts
  driver str str
  driver_opts @options
  external @external
  labels @pairs labels merge=sequence
  name str str
secrets map map names user-keys
 * map struct x long=external
  driver str str
  driver_opts @options strings-by-key
  environment str str
  external @open-external
  file str str path=file
  labels @pairs labels
  name str str
  template_driver str str
configs map map names user-keys
 * map struct x long=external
  content str str
  environment str str
  external @open-external
  file str str path=file
  labels @pairs labels
  name str str
  template_driver str str
"""

PROJECT: Final[Field] = table("map any x", TABLE, SHAPES)
"""The field of a whole project: every other one hangs below it."""
