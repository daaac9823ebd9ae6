update bench.greetings
   set status = 'claimed'
 where id in (
       select id
         from bench.greetings
        where status = 'waiting' and due_at <= now()
        order by due_at
        limit 1000
          for update skip locked
       )
returning id::text
