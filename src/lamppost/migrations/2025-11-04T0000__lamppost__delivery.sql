-- What came back from each POST, for people to look at; the services' own tables hold what is decided.
-- `at` is lamppost.now(), `made_at` the wall clock. A day is a partition, and is dropped as a whole.
create table lamppost.attempts (
    made_at    timestamptz not null default clock_timestamp(),
    at         timestamptz not null,
    service    text        not null,
    message_id text        not null,
    attempt    int         not null,
    status     int,
    error      text,
    latency_ms int         not null,
    head       bytea
) partition by range (made_at);

-- Takes what comes on a day that nobody made a partition for.
create table lamppost.attempts_default partition of lamppost.attempts default;

create index attempts_message on lamppost.attempts (message_id);

comment on table lamppost.attempts is 'One row for each POST: status or error, latency, the first bytes of the answer.';

-- Partitions for today and the two days that follow (UTC), none for days that ended more than `days` days ago.
-- Whoever is inserting is waited for, two seconds at most; then lock_not_available is raised.
create function lamppost.attempts_keep(days int) returns int
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set lock_timeout = '2s'
    set timezone = 'UTC'
    as $$
declare
    today   date := clock_timestamp()::date;
    one_day date;
    name    text;
    changed int := 0;
begin
    perform pg_advisory_xact_lock(hashtext('lamppost.attempts_keep'));
    for one_day in select today + n from generate_series(0, 2) as n loop
        name := 'attempts_' || to_char(one_day, 'YYYYMMDD');
        continue when to_regclass('lamppost.' || name) is not null;
        lock table lamppost.attempts_default in access exclusive mode;
        execute format('create table lamppost.%I (like lamppost.attempts including defaults)', name);
        execute format('with early as (delete from lamppost.attempts_default where made_at >= %L and made_at < %L returning *)'
                       ' insert into lamppost.%I select * from early', one_day, one_day + 1, name);
        execute format('alter table lamppost.attempts attach partition lamppost.%I for values from (%L) to (%L)',
                       name, one_day, one_day + 1);
        changed := changed + 1;
    end loop;
    for name in
        select child.relname
          from pg_inherits
          join pg_class child on child.oid = inhrelid
         where inhparent = 'lamppost.attempts'::regclass
           and child.relname ~ '^attempts_[0-9]{8}$'
           and substr(child.relname, 10)::date < today - greatest(days, 0)
    loop
        execute format('drop table lamppost.%I', name);
        changed := changed + 1;
    end loop;
    delete from lamppost.attempts_default where made_at < (today - greatest(days, 0))::timestamptz;
    return changed;
end
$$;

comment on function lamppost.attempts_keep is 'Make the partitions of the days to come and drop old ones; how many changed.';
