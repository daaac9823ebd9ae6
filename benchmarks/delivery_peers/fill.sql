with person as (
    insert into bench.people (first_name, last_name, date_of_birth, timezone)
    select 'Person', n::text, current_date - interval '30 years', 'Etc/UTC'
      from generate_series(1, $1::int) as n
 returning id
)
insert into bench.greetings (person_id, year, due_at)
select id, extract(year from now()), now()
  from person
