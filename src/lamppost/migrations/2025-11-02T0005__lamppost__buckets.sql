-- One token bucket for each caller and class of routes. Its whole state is the instant at which it is full
-- again: a bucket that is full is as good as none. Unlogged: after a crash all are full, and no request
-- waits for the disk on its account.
create unlogged table lamppost.buckets (
    scope   text        not null,
    full_at timestamptz not null,
    taken   boolean     not null,
    constraint buckets_pk primary key (scope)
) with (fillfactor = 50);

comment on table lamppost.buckets is 'Token buckets of callers; reached through functions only, by exact scope.';

-- `step` is how long a token takes to come back, `burst` how many the bucket holds. The row is locked while it
-- is counted, so no two callers share a token; a wait for it, or a clock that steps back, loses none.
create function lamppost.bucket_take(
    in_scope text, step interval, burst int, out taken boolean, out to_full float8
)
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        insert into lamppost.buckets as bucket (scope, full_at, taken)
        values (in_scope, clock_timestamp() + step, true)
            on conflict (scope) do update
           set taken = bucket.full_at - (excluded.full_at - step) <= step * (burst - 1),
               full_at = case
                   when bucket.full_at - (excluded.full_at - step) <= step * (burst - 1)
                   then greatest(bucket.full_at, excluded.full_at - step) + step
                   else bucket.full_at
               end
        returning bucket.taken, extract(epoch from bucket.full_at - clock_timestamp())::float8
    $$;

comment on function lamppost.bucket_take is 'Take a token, if there is one; and the seconds until the bucket is full.';

-- Rows that a request holds are in use: they are left alone.
create function lamppost.bucket_sweep(batch int)
    returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with gone as (
            delete from lamppost.buckets
             where scope in (
                       select scope
                         from lamppost.buckets
                        where full_at <= clock_timestamp()
                        limit batch
                          for update skip locked
                   )
            returning 1
        )
        select count(*) from gone
    $$;

comment on function lamppost.bucket_sweep is 'Delete up to `batch` buckets that are full; how many.';

-- Who may empty a bucket by hand could call as often as they like.
do $$
declare
    reader text;
begin
    for reader in
        select pg_get_userbyid(acl.grantee)
          from pg_class, aclexplode(pg_class.relacl) as acl
         where pg_class.oid = 'lamppost.buckets'::regclass
           and acl.grantee not in (0, pg_class.relowner)
         group by 1
    loop
        execute format('revoke all on lamppost.buckets from %I', reader);
    end loop;
end
$$;
