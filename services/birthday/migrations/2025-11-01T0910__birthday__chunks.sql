-- How far a kind is claimed. Everything due until `claimed_to` that the snapshot `seen` could see is in a
-- chunk, or was. Null: nobody knows, and the next claim looks for itself.
create table birthday.cursors (
    kind       text        not null,
    claimed_to timestamptz not null default '-infinity',
    seen       pg_snapshot,
    constraint cursors_pk primary key (kind),
    constraint cursors_kind_fk foreign key (kind) references birthday.kinds (name) on delete cascade
);

-- A chunk is up to a thousand greetings on their way: the outbox row of one queue message.
--   kind          whose dates the members are, by person; null: the members are greetings tried before
--   seen          what the claim could see: a date that was changed since is no member any more
--   due_at        of its first member
--   sent_at       when a message with its id was last put on the queue; null: not yet
--   leased_until  until when (wall clock) one worker alone may send it
--   token         goes up with each lease; a worker whose token is old records nothing
create table birthday.chunks (
    id           uuid        not null default gen_random_uuid(),
    kind         text,
    members      uuid[]      not null,
    seen         pg_snapshot not null,
    due_at       timestamptz not null,
    made_at      timestamptz not null default clock_timestamp(),
    sent_at      timestamptz,
    leased_until timestamptz,
    token        int         not null default 0,
    constraint chunks_pk primary key (id),
    constraint chunks_kind_fk foreign key (kind) references birthday.kinds (name),
    constraint chunks_not_empty check (cardinality(members) between 1 and 1000)
);

-- Random ids do not shrink: no time is spent on trying.
alter table birthday.chunks
    alter column members set storage external;

-- Greetings whose attempts are over, until the dead-letter queue has them.
create table birthday.letters (
    id          bigint not null generated always as identity,
    greeting_id uuid   not null,
    reason      text   not null,
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
