-- A chunk is up to a thousand greetings on their way: the outbox row of one queue message.
--   sent_at       when a message with its id was last put on the queue; null: not yet
--   leased_until  until when (wall clock) one worker alone may send it
--   token         goes up with each lease; a worker whose token is old records nothing
create table birthday.chunks (
    id           uuid        not null default gen_random_uuid(),
    members      uuid[]      not null,
    made_at      timestamptz not null default clock_timestamp(),
    sent_at      timestamptz,
    leased_until timestamptz,
    token        int         not null default 0,
    constraint chunks_pk primary key (id),
    constraint chunks_not_empty check (cardinality(members) between 1 and 1000)
);

-- The relay looks for chunks whose message must be sent, or sent again.
create index chunks_by_age
    on birthday.chunks (made_at);

-- Greetings whose attempts are over, until the dead-letter queue has them.
create table birthday.letters (
    id          bigint not null generated always as identity,
    greeting_id uuid   not null,
    reason      text   not null,
    attempts    int    not null,
    constraint letters_pk primary key (id),
    constraint letters_greeting_fk foreign key (greeting_id) references birthday.greetings (id) on delete cascade
);

create index letters_greeting
    on birthday.letters (greeting_id);

-- Why nothing is being sent: at most one row. `endpoint` is the hash of the URL that was
-- found unusable, so that any other value opens the way again; the URL may hold a token.
create table birthday.pause (
    only_one boolean     not null default true,
    endpoint text        not null,
    why      text        not null,
    since    timestamptz not null default clock_timestamp(),
    constraint pause_pk primary key (only_one),
    constraint pause_only_one check (only_one)
);
