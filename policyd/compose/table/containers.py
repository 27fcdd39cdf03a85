"""Rows that services, jobs and `pre_start` hooks share: what is said of a container.

Source: `container_spec` and `workload_spec` of the schema of compose-go v2.16.2. `fields.py`
explains the rows.
"""

from __future__ import annotations

from typing import Final

CONTAINER: Final = """
annotations @pairs mapping merge=pairs unique=key
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
cap_add @words unique=key
cap_drop @words unique=key
cgroup str str enum=host,private
cgroup_parent str str
command @command merge=replace
configs @files unique=config
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
env_file @env-files
environment @pairs variables merge=pairs unique=key
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
hostname str str
image str str
init bool|str bool? cast=bool
ipc str str
isolation str str
label_file @text-or-texts merge=sequence long=list
 [] str str path=path
labels @pairs labels merge=pairs unique=key
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
  use_service_name_alias bool|str bool? cast=bool
oom_kill_disable bool|str bool cast=bool
oom_score_adj str|int int cast=int min=-1000 max=1000
pid str|null str
pids_limit num|str int cast=int
platform str str
privileged bool|str bool cast=bool
pull_policy @pull-policy
pull_refresh_after str str
read_only bool|str bool cast=bool
runtime str str
secrets @files unique=secret
 [] str|map struct x long=source default=secret
security_opt @words
shm_size num|str bytes
stop_grace_period str duration?
stop_signal str str
storage_opt map strings-by-key open
 * any any
sysctls @pairs mapping merge=pairs unique=key
tmpfs @word-or-words merge=sequence unique=key
ulimits @limits
 * int|str|map any x required=soft,hard long=limit merge=ulimit cast=int
  hard int|str any cast=int
  soft int|str any cast=int
umask null|int|str uint32? cast=umask min=0 max=4294967295
use_api_socket bool bool
user str str
userns_mode str str
uts str str
volumes list! list unique=volume
 [] str|map struct x required=type path=volume long=volume
  bind map struct? x default=bind
   create_host_path bool|str opt-out!
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
"""
"""Everything that declares a container: services, jobs and `pre_start` hooks."""

WORKLOAD: Final = """
build str|map struct? x merge=build long=build default=context
 additional_contexts @pairs mapping merge=pairs unique=key long=pairs
  * str|num|bool|null any path=context
 args @pairs variables merge=pairs unique=key
 cache_from @texts
 cache_to @texts
 context str str path=context
 dockerfile str str
 dockerfile_inline str str
 entitlements @texts
 extra_hosts @hosts
 isolation str str
 labels @pairs labels merge=pairs unique=key
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
depends_on @dependencies
expose list! numbers unique=value
 [] str|num any
healthcheck map struct? x
 disable bool|str bool cast=bool
 interval str duration?
 retries num|str uint64? cast=int
 start_interval str duration?
 start_period str duration?
 test str|list test merge=replace
  [] str any
 timeout str duration?
ports list! list unique=port long=ports
 [] num|str|map struct x default=port
  app_protocol str str
  host_ip str str
  mode str str
  name str str
  protocol str str
  published str|int str
  target int|str uint32 cast=int
stdin_open bool|str bool cast=bool
tty bool|str bool cast=bool
"""
"""What services and jobs have besides the container."""
