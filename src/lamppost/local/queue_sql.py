"""The queues' statements: one per operation, each harmless when it runs twice.

Times follow the wall clock, as SQS's do, never `lamppost.now()`.
"""

SETTINGS = "name, visibility, keep, delay, wait, dead_name, attempts, created_at, changed_at"
STORED = """m.id, m.message_id, m.body, m.attributes, m.system_attributes, m.sent_at, m.receives,
       m.first_received_at, m.receipt, m.visible_at, m.origin"""

LOAD = f"select {SETTINGS} from local.queues order by name"

DECLARE = f"""
insert into local.queues as q (name, visibility, keep, delay, wait, dead_name, attempts)
values (%(name)s, %(visibility)s, %(keep)s, %(delay)s, %(wait)s, %(dead_name)s, %(attempts)s)
    on conflict (name) do update
   set visibility = excluded.visibility, keep = excluded.keep, delay = excluded.delay, wait = excluded.wait,
       dead_name = excluded.dead_name, attempts = excluded.attempts,
       changed_at = case when (q.visibility, q.keep, q.delay, q.wait, q.dead_name, q.attempts)
                   is distinct from (excluded.visibility, excluded.keep, excluded.delay, excluded.wait,
                                     excluded.dead_name, excluded.attempts)
                         then now() else q.changed_at end
returning {SETTINGS}"""

DROP = "delete from local.queues where name = %(queue)s"

SEND = """
insert into local.messages (message_id, queue, body, attributes, system_attributes, visible_at)
select message_id, %(queue)s, body, attributes, system_attributes, now() + make_interval(secs => delay)
  from unnest(%(ids)s::uuid[], %(bodies)s::text[], %(attributes)s::jsonb[], %(system)s::jsonb[],
              %(delays)s::int[])
       as m (message_id, body, attributes, system_attributes, delay)
    on conflict (message_id) do nothing"""

TAKE = f"""
  with picked as (
       select id, receives
         from local.messages
        where queue = %(queue)s
          and visible_at <= now()
          and sent_at > now() - make_interval(secs => %(keep)s)
        order by visible_at, id
        limit %(limit)s
          for update skip locked
     ), dead as (
       update local.messages as m
          set queue = %(dead_name)s, origin = %(queue)s, visible_at = now(), receipt = null
         from picked
        where m.id = picked.id and picked.receives >= %(attempts)s
    returning m.id
     ), taken as (
       update local.messages as m
          set receives = m.receives + 1, receipt = gen_random_uuid(),
              first_received_at = coalesce(m.first_received_at, now()),
              visible_at = now() + make_interval(secs => %(visibility)s)
         from picked
        where m.id = picked.id and (%(attempts)s::int is null or picked.receives < %(attempts)s)
    returning m.*
     )
select (select count(*) from dead),
       (select extract(epoch from min(visible_at) - clock_timestamp())::float8
          from local.messages where queue = %(queue)s and visible_at > now()),
       {STORED}
  from (select 1) as always
  left join taken as m on true
 order by m.id"""

DELETE = """
delete from local.messages as m
 using unnest(%(ids)s::bigint[], %(receipts)s::uuid[]) as h (id, receipt)
 where m.id = h.id and m.receipt = h.receipt and m.queue = %(queue)s"""

HIDE = """
update local.messages as m
   set visible_at = now() + make_interval(secs => h.seconds)
  from unnest(%(ids)s::bigint[], %(receipts)s::uuid[], %(seconds)s::int[]) as h (id, receipt, seconds)
 where m.id = h.id and m.receipt = h.receipt and m.queue = %(queue)s and m.visible_at > now()
returning m.id"""

PURGE = (
    "with gone as (delete from local.messages where queue = %(queue)s returning 1) select count(*) from gone"
)

COUNTS = """
select count(*) filter (where visible_at <= now()),
       count(*) filter (where visible_at > now() and receipt is not null),
       count(*) filter (where visible_at > now() and receipt is null),
       coalesce(extract(epoch from now() - min(sent_at)), 0)::float8
  from local.messages
 where queue = %(queue)s and sent_at > now() - make_interval(secs => %(keep)s)"""

RELEASE = """
update local.messages
   set visible_at = now()
 where queue = %(queue)s and visible_at > now() and receipt is not null
returning id"""

PEEK = f"""
select {STORED} from local.messages as m
 where m.queue = %(queue)s and m.sent_at > now() - make_interval(secs => %(keep)s)
 order by m.sent_at, m.id
 limit %(limit)s"""

# As on AWS a redriven message starts anew: new id, new date, no receives.
REDRIVE = """
  with picked as (
       select id
         from local.messages
        where queue = %(queue)s and visible_at <= now()
          and coalesce(%(target)s::text, origin, %(otherwise)s::text) in (select name from local.queues)
        order by visible_at, id
        limit %(limit)s
          for update skip locked
     ), moved as (
       update local.messages as m
          set queue = coalesce(%(target)s::text, m.origin, %(otherwise)s::text), origin = null,
              message_id = gen_random_uuid(), sent_at = now(), visible_at = now(),
              receives = 0, first_received_at = null, receipt = null
         from picked
        where m.id = picked.id
    returning m.queue
     )
select queue, count(*) from moved group by queue"""

SWEEP = """
delete from local.messages as m
 using local.queues as q
 where m.queue = q.name and m.sent_at <= now() - make_interval(secs => q.keep)"""
