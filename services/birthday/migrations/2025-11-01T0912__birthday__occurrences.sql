-- Every occurrence there is, tried or not, for people and reports to read:
--   waiting    it lies ahead, is due and unclaimed, or waits to be tried again
--   claimed    a member of a chunk
--   delivered, dead
create view birthday.occurrences as
select birthday.event_id(d.person_id, d.kind, d.year) as id, d.person_id, d.kind, d.year, d.due_at,
       case when c.kind is not null then 'claimed' else 'waiting' end as status,
       0 as attempts, d.due_at as try_at, null::timestamptz as settled_at, null::interval as lateness,
       d.wall, d.zone, d.tzdata
  from birthday.dates d
  left join (select kind, seen, unnest(members) as person_id from birthday.chunks) c
         on c.person_id = d.person_id and c.kind = d.kind and pg_visible_in_snapshot(d.xid, c.seen)
 union all
select g.id, g.person_id, g.kind, g.year, g.due_at,
       case when g.status = 'waiting' and r.greeting_id is null then 'claimed' else g.status end,
       g.attempts, r.try_at, g.settled_at, g.lateness, null, null, null
  from birthday.greetings g
  left join birthday.retries r on r.greeting_id = g.id;
