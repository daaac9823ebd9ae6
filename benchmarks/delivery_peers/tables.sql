create schema bench;
create table bench.people (
    id            uuid primary key default gen_random_uuid(),
    first_name    text not null,
    last_name     text not null,
    date_of_birth date not null,
    timezone      text not null
);
create table bench.greetings (
    id         uuid primary key default gen_random_uuid(),
    person_id  uuid not null,
    year       int not null,
    due_at     timestamptz not null,
    status     text not null default 'waiting',
    settled_at timestamptz,
    unique (person_id, year)
);
create index greetings_due on bench.greetings (due_at) where status = 'waiting';
create index greetings_claimed on bench.greetings (id) where status = 'claimed';
create table bench.attempts (
    greeting_id uuid not null,
    at          timestamptz not null default now(),
    status      int not null,
    latency_ms  int not null
);
