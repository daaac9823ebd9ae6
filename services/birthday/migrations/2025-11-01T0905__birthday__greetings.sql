-- One row for each greeting that is to be sent, was sent or could not be.
--   waiting    to be claimed at try_at (due_at at first, later after a failed attempt)
--   claimed    a member of exactly one chunk
--   delivered  a 2xx came back
--   dead       the attempts are over; `lamppost queue redrive` makes it waiting again
-- One person has one greeting of a kind in a year, whatever moves: that is what keeps a
-- changed birth date or zone from greeting twice.
-- `wall` in `zone` by that release of `tzdata` made `due_at`: when a government changes its
-- mind, these three say which rows to compute again. PostgreSQL does not compute them: it
-- reads CET as a fixed offset, and its time zones are as old as the server.
create table birthday.greetings (
    id         uuid        not null default gen_random_uuid(),
    person_id  uuid        not null,
    kind       text        not null default 'birthday',
    year       int         not null,
    wall       timestamp   not null,
    zone       text        not null,
    tzdata     text        not null,
    due_at     timestamptz not null,
    status     text        not null default 'waiting',
    attempts   int         not null default 0,
    try_at     timestamptz not null,
    settled_at timestamptz,
    lateness   interval,
    constraint greetings_pk primary key (id),
    constraint greetings_person_fk foreign key (person_id) references birthday.people (id) on delete cascade,
    constraint greetings_once_a_year unique (person_id, kind, year),
    constraint greetings_status_known check (status in ('waiting', 'claimed', 'delivered', 'dead')),
    constraint greetings_settled_when_over check ((settled_at is not null) = (status in ('delivered', 'dead')))
) with (fillfactor = 85);

-- The scheduler looks for what is due every minute, oldest first.
create index greetings_due
    on birthday.greetings (try_at, id)
 where status = 'waiting';

-- One row for each POST whose outcome is known. `status` is HTTP's, `error` ours.
create table birthday.attempts (
    id          bigint      not null generated always as identity,
    greeting_id uuid        not null,
    attempt     int         not null,
    at          timestamptz not null,
    status      int,
    error       text,
    latency_ms  int,
    constraint attempts_pk primary key (id),
    constraint attempts_greeting_fk foreign key (greeting_id) references birthday.greetings (id) on delete cascade
);

create index attempts_greeting
    on birthday.attempts (greeting_id);
