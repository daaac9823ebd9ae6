-- The event's id follows from what it is: whoever sends it again, even out of a backup, sends the
-- same one, and the receiver knows it. A UUID of version 8.
create function birthday.event_id(person uuid, kind text, year int) returns uuid
    language sql immutable parallel safe
    return overlay(overlay(
               md5(person::text || ' ' || kind || ' ' || year::text) placing '8' from 13 for 1
           ) placing 'a' from 17 for 1)::uuid;

-- One row for each greeting that was tried; its last word:
--   waiting    to be tried again; its row in retries says when, or it is on its way in a chunk
--   delivered  a 2xx came back
--   dead       the attempts are over; `lamppost queue redrive` makes it waiting again
-- One person has one greeting of a kind in a year, whatever moves.
create table birthday.greetings (
    id         uuid        not null,
    person_id  uuid        not null,
    kind       text        not null,
    year       int         not null,
    due_at     timestamptz not null,
    status     text        not null,
    attempts   int         not null,
    settled_at timestamptz,
    lateness   interval,
    constraint greetings_pk primary key (id),
    constraint greetings_once_a_year unique (person_id, kind, year),
    constraint greetings_status_known check (status in ('waiting', 'delivered', 'dead')),
    constraint greetings_settled_when_over check ((settled_at is not null) = (status <> 'waiting'))
);

-- What became of those that were due in a minute.
create index greetings_due
    on birthday.greetings (due_at);

-- A foreign key would look the person up for each greeting. Nobody is inserted for whoever is gone:
-- a greeting comes out of its row in dates, and that goes first.
create function birthday.forget_greetings() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
    as $$
begin
    delete from birthday.greetings where person_id = old.id;
    return null;
end
$$;

create trigger then_greetings
    after delete on birthday.people
    for each row execute function birthday.forget_greetings();

-- Greetings to be tried again, and when; whoever takes one deletes it here.
create table birthday.retries (
    greeting_id uuid        not null,
    try_at      timestamptz not null,
    constraint retries_pk primary key (greeting_id),
    constraint retries_greeting_fk foreign key (greeting_id) references birthday.greetings (id) on delete cascade
);

create index retries_due
    on birthday.retries (try_at);
