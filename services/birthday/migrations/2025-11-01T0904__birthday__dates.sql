-- A person's day of one kind, and the one occurrence of it that comes next: due, on its way, or ahead.
--   wall, zone, tzdata  made due_at; when a government changes its mind, these say what to compute again
--   greeted_year        the last year that was greeted: no move brings it back
--   edition             counts the edits of what next year's instant is computed from
--   xid                 the transaction that set due_at, for the claim to know what it has not seen
-- The first answer to a greeting moves the row on to the next year, and what came of it into greetings.
create table birthday.dates (
    person_id    uuid        not null,
    kind         text        not null default 'birthday',
    day          date        not null,
    leap_day     text        not null,
    year         int         not null,
    wall         timestamp   not null,
    zone         text        not null,
    tzdata       text        not null,
    due_at       timestamptz not null,
    greeted_year int         not null default 0,
    edition      int         not null default 0,
    xid          xid8        not null default pg_current_xact_id(),
    constraint dates_pk primary key (person_id, kind),
    constraint dates_person_fk foreign key (person_id) references birthday.people (id) on delete cascade,
    constraint dates_kind_fk foreign key (kind) references birthday.kinds (name),
    constraint dates_once_a_year check (year > greeted_year),
    constraint dates_leap_day_known check (leap_day in ('march-1', 'february-28'))
);

-- The claim reads what is due of a kind, oldest first.
create index dates_due
    on birthday.dates (kind, due_at);
