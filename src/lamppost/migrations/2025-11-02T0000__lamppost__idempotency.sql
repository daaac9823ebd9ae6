-- Answers given under an Idempotency-Key, to be given again to whoever asks again within expires_at.
-- A row is written by the transaction that does the work: both are there, or neither. Only inside that
-- transaction does it stand without an answer.
create table lamppost.idempotency (
    scope      text        not null,
    key        text        not null,
    request    bytea       not null,
    status     int         not null default 0,
    headers    jsonb       not null default '[]',
    body       bytea       not null default '',
    created_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz not null,
    constraint idempotency_pk primary key (scope, key)
);

create index idempotency_expiry on lamppost.idempotency (expires_at);

comment on table lamppost.idempotency is 'Answers under an Idempotency-Key; reached through functions only, by exact scope and key.';

-- The key is ours (`ours`), or the answer given under it. An answer that expired makes room. Whoever holds the
-- key in a transaction that is still open is waited for, `patience` at most; then lock_not_available is raised.
create function lamppost.idempotency_claim(
    in_scope text, in_key text, in_request bytea, keep interval, patience text,
    out ours boolean, out request bytea, out status int, out headers jsonb, out body bytea
)
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set lock_timeout = '5s'
    as $$
begin
    -- The setting ends with the function, because the function has one of its own.
    perform pg_catalog.set_config('lock_timeout', patience, true);
    insert into lamppost.idempotency as known (scope, key, request, expires_at)
    values (in_scope, in_key, in_request, pg_catalog.clock_timestamp() + keep)
        on conflict on constraint idempotency_pk do update
       set request = excluded.request,
           status = excluded.status,
           headers = excluded.headers,
           body = excluded.body,
           created_at = excluded.created_at,
           expires_at = excluded.expires_at
     where known.expires_at <= pg_catalog.clock_timestamp();
    ours := found;
    if not ours then
        select known.request, known.status, known.headers, known.body
          into strict request, status, headers, body
          from lamppost.idempotency as known
         where known.scope = in_scope and known.key = in_key;
    end if;
end
$$;

comment on function lamppost.idempotency_claim is 'Take an Idempotency-Key, or read the answer that was given under it.';

create function lamppost.idempotency_keep(in_scope text, in_key text, in_status int, in_headers jsonb, in_body bytea)
    returns void
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        update lamppost.idempotency
           set status = in_status, headers = in_headers, body = in_body
         where scope = in_scope and key = in_key and status = 0
    $$;

comment on function lamppost.idempotency_keep is 'Put the answer beside the key that this transaction took.';

-- Rows that another sweep holds are left to it.
create function lamppost.idempotency_sweep(batch int)
    returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with gone as (
            delete from lamppost.idempotency
             where (scope, key) in (
                       select scope, key
                         from lamppost.idempotency
                        where expires_at <= pg_catalog.clock_timestamp()
                        order by expires_at
                        limit batch
                          for update skip locked
                   )
            returning 1
        )
        select pg_catalog.count(*) from gone
    $$;

comment on function lamppost.idempotency_sweep is 'Delete up to `batch` answers that expired; how many.';

-- An answer is its caller's alone. Whatever the defaults of this schema grant, nobody reads the table itself.
do $$
declare
    reader text;
begin
    for reader in
        select pg_get_userbyid(acl.grantee)
          from pg_class, aclexplode(pg_class.relacl) as acl
         where pg_class.oid = 'lamppost.idempotency'::regclass
           and acl.grantee not in (0, pg_class.relowner)
         group by 1
    loop
        execute format('revoke all on lamppost.idempotency from %I', reader);
    end loop;
end
$$;
