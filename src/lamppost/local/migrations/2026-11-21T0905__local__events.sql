-- Asynchronous invocations: accepted with 202, so they must outlive a crash.
create table local.events (
    id         uuid        primary key,
    function   text        not null,
    payload    bytea       not null,
    attempts   integer     not null default 0,
    due_at     timestamptz not null default now(),
    created_at timestamptz not null default now()
);

create index events_due on local.events (due_at);
