-- Nine o'clock on a birthday, computed where the people are: a million at a time.
-- calendar.py is the twin of these functions; a test holds the two equal in every zone.

-- The local wall time of a birthday's greeting in one year. Someone born on
-- 29 February has, in ordinary years, the day that `leap_day` names.
create function birthday.morning(born date, year int, leap_day text)
returns timestamp
language sql immutable parallel safe
as $$
    select case
             when extract(month from born) = 2 and extract(day from born) = 29
               then case
                      when extract(day from make_date(year, 3, 1) - 1) = 29 then make_date(year, 2, 29)
                      when leap_day = 'february-28' then make_date(year, 2, 28)
                      else make_date(year, 3, 1)
                    end
             else make_date(year, extract(month from born)::int, extract(day from born)::int)
           end + time '09:00'
$$;

-- The mornings around an instant, earliest first, each with its occurrence year. The year
-- before is among them because a zone may skip a whole day: on 31 December 1994, which
-- Kiritimati never had, nine o'clock fell into 1995.
create function birthday.mornings(born date, zone text, leap_day text, around timestamptz)
returns table (year int, wall timestamp, due_at timestamptz)
language sql stable parallel safe
as $$
    select near.year, at.wall, at.wall at time zone zone
      from generate_series(
             extract(year from around at time zone zone)::int - 1,
             extract(year from around at time zone zone)::int + 2
           ) as near (year)
     cross join lateral (select birthday.morning(born, near.year, leap_day)) as at (wall)
     order by 3
$$;

-- Which engine computed an instant. A release of PostgreSQL carries its own release of
-- the time zones, so this is what to compare when a government changes its mind.
create function birthday.zones_version()
returns text
language sql stable parallel safe
as $$
    select 'postgresql ' || current_setting('server_version')
$$;
