-- The local system's queues: a message that was acknowledged is here, whatever is killed next.
create schema if not exists local;

create table local.queues (
    name       text        primary key,
    visibility integer     not null default 30,
    keep       integer     not null default 345600,
    delay      integer     not null default 0,
    wait       integer     not null default 0,
    dead_name  text,
    attempts   integer,
    created_at timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    constraint queues_redrive_is_whole check ((dead_name is null) = (attempts is null))
);

comment on table local.queues is 'One row per queue. Times are seconds, as SQS counts them.';

create table local.messages (
    id                bigint      generated always as identity primary key,
    message_id        uuid        not null,
    queue             text        not null references local.queues (name) on delete cascade,
    body              text        not null,
    attributes        jsonb       not null default '{}',
    system_attributes jsonb       not null default '{}',
    sent_at           timestamptz not null default now(),
    visible_at        timestamptz not null,
    receives          integer     not null default 0,
    first_received_at timestamptz,
    receipt           uuid,
    origin            text
);

comment on column local.messages.receipt is 'Set by each receive; only its holder deletes or hides the message.';
comment on column local.messages.origin is 'The queue a dead letter came from.';

-- A send whose reply was lost is repeated with the same id and stays one message.
create unique index messages_once on local.messages (message_id);

-- Receiving takes what has been visible longest.
create index messages_visible on local.messages (queue, visible_at, id);

-- The sweeper looks for what has outlived its queue's retention.
create index messages_age on local.messages (queue, sent_at);
