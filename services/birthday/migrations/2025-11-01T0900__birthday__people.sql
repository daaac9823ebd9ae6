-- People, as the API stores them. A zone is an IANA name exactly as it was given,
-- checked before it comes here: PostgreSQL itself would take `Junk5` for a zone.
create table birthday.people (
    id            uuid        not null default gen_random_uuid(),
    first_name    text        not null,
    last_name     text        not null,
    date_of_birth date        not null,
    timezone      text        not null,
    leap_day      text        not null default 'march-1',
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    constraint people_pk primary key (id),
    constraint people_first_name_length check (char_length(first_name) between 1 and 100),
    constraint people_last_name_length check (char_length(last_name) between 1 and 100),
    constraint people_leap_day_known check (leap_day in ('march-1', 'february-28'))
);
