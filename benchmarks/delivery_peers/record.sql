with done as (
    update bench.greetings
       set status = 'delivered', settled_at = now()
     where id = $1::uuid and status = 'claimed'
 returning person_id, year, due_at
), next as (
    insert into bench.greetings (person_id, year, due_at)
    select person_id, year + 1, due_at + interval '1 year'
      from done
)
insert into bench.attempts (greeting_id, status, latency_ms) values ($1::uuid, $2::int, $3::int)
