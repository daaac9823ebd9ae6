select g.id::text, p.id::text, p.first_name, p.last_name, g.due_at
  from bench.greetings g
  join bench.people p on p.id = g.person_id
 where g.id = $1::uuid
