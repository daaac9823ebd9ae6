-- What is celebrated once a year. A row is a kind; no code knows one by name but the birthday's,
-- whose day is the date of birth.
--   at       the hour, on the wall of wherever the person lives
--   message  {firstName}, {lastName} and {years} are filled in
--   gap      where that hour is skipped: shift (as if nobody had turned the clock) or before
--   repeat   where that hour comes twice: first or last
create table birthday.kinds (
    name     text not null,
    at       time not null default '09:00',
    message  text not null,
    leap_day text not null default 'march-1',
    gap      text not null default 'shift',
    repeat   text not null default 'first',
    constraint kinds_pk primary key (name),
    constraint kinds_name_shape check (name ~ '^[a-z][a-z0-9-]{0,49}$'),
    constraint kinds_message_length check (char_length(message) between 1 and 1000),
    constraint kinds_leap_day_known check (leap_day in ('march-1', 'february-28')),
    constraint kinds_gap_known check (gap in ('shift', 'before')),
    constraint kinds_repeat_known check (repeat in ('first', 'last'))
);

insert into birthday.kinds (name, message)
values ('birthday', 'Hey, {firstName} {lastName} it''s your birthday');
