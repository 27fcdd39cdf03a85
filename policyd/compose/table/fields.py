"""The one table of fields: what Compose knows about each path of a project, one row per field.

A row is: the key below its parent (`*` any key, `[]` any item), the types that the schema accepts,
the model (the type that the value is loaded into and printed from), then the rules that only some
fields have:

    cast=       strings are parsed as this type at interpolation (interpolate.py)
    merge=      how a later file changes the value (merge.py); default: mappings by key, lists
                appended without equal items
    unique=     what identifies an item of the list, of which the last one is kept (unicity.py)
    long=       how the short form becomes the long one (canonical.py)
    default=    what is filled in where the value is missing (canonical.py)
    path=       how a relative path in it is made absolute (paths.py)
    skip=       kinds of rules (unique, long, default, path) that do not apply here and below
    enum= pattern= min= max= required= any-of=  what else the schema requires
    keys=, names                                the pattern of keys below `*`; names of Compose
    x, closed, open                             other keys: only `x-` ones, none, any
    user-keys                                   keys that begin with `x-` are ordinary names
    json=, hidden                               printed under another key; not printed

`list!` is a list without equal items. A model with `?` is printed whenever it is there, one with
`!` always, others when not empty. `@shape` in place of the types stands for rows that many fields
share; a row that is only `@shape` adds the rows of that shape to its parent. A later row of the
same key changes the earlier one. The words are checked when the table is built (`rules.py`).
Sources: the schema, types/*.go, override/*.go, transform/*.go and paths/*.go of compose-go v2.16.2.
"""

from __future__ import annotations

from typing import Final

from policyd.compose.table.containers import CONTAINER, WORKLOAD
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
  @container
  @workload
  env_file @env-files hidden
  depends_on @dependencies user-keys
  attach bool|str bool?
  container_name str str pattern=[a-zA-Z0-9][a-zA-Z0-9_.-]+
  deploy null|map struct? x
   endpoint_mode str str
   labels @pairs labels merge=pairs unique=key
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
  extends str|map any closed required=service long=extends
   file str any path=extends
   service str any
  external_links @words
  links @words unique=key
  post_start list list
   [] @hook
  pre_start list list
   [] map struct x skip=unique,default
    @container
    dns @word-or-words merge=sequence unique=key long=list
    env_file @env-files hidden
    per_replica bool|str bool
  pre_stop list list
   [] @hook
  profiles @words unique=key
  provider map struct? x required=type
   options map lists open
    * str|num|bool|list any
     [] str|num|bool any
   type str str
  restart str str
  scale int|str int? cast=int
jobs map map names
 * map struct x skip=unique required=triggers
  @container
  @workload
  profiles @words
  triggers map struct? x any-of=manual,schedule
   manual bool|str bool?
   schedule list list
    [] str|map struct x long=schedule required=cron
     concurrency str str enum=forbid,queue
     cron str str
     missed_fires str str enum=one,skip
     timezone str str
models map map names
 * map struct x required=model
  context_size int int
  model str str
  name str str
  runtime_flags @texts
networks map map names user-keys
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
  labels @pairs labels merge=pairs unique=key
  name str str
volumes map map names user-keys
 * null|map struct x long=external path=driver_opts
  driver str str
  driver_opts @options
  external @external
  labels @pairs labels merge=pairs
  name str str
secrets map map names user-keys
 * map struct x long=external
  driver str str
  driver_opts @options strings-by-key
  environment str str
  external @open-external
  file str str path=file
  labels @pairs labels merge=pairs
  name str str
  template_driver str str
configs map map names user-keys
 * map struct x long=external
  content str str
  environment str str
  external @open-external
  file str str path=file
  labels @pairs labels merge=pairs
  name str str
  template_driver str str
"""

PROJECT: Final[Field] = table(
    "map any x", TABLE, {**SHAPES, "container": CONTAINER, "workload": WORKLOAD}
)
"""The field of a whole project. Every other field is below it."""
