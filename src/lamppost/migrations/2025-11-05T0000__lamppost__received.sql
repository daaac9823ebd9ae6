-- Messages that have been received (lamppost.delivery.receive). A row is written by the transaction that does
-- what the message asks for: both are there, or neither. The same message again finds it and does nothing.
create table lamppost.received (
    consumer    text        not null,
    id          text        not null,
    received_at timestamptz not null default clock_timestamp(),
    expires_at  timestamptz not null,
    constraint received_pk primary key (consumer, id)
);

create index received_expiry on lamppost.received (expires_at);

comment on table lamppost.received is 'Which messages each consumer has had; reached through functions only, by exact consumer and id.';

-- Whether the message is new to this consumer. Whoever has it in a transaction that is still open is waited for,
-- `patience` at most; then lock_not_available is raised. A row that expired makes room.
create function lamppost.received_first(in_consumer text, in_id text, keep interval, patience text)
    returns boolean
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
    set lock_timeout = '5s'
    as $$
begin
    -- The setting ends with the function, because the function has one of its own.
    perform pg_catalog.set_config('lock_timeout', patience, true);
    insert into lamppost.received as known (consumer, id, expires_at)
    values (in_consumer, in_id, pg_catalog.clock_timestamp() + keep)
        on conflict on constraint received_pk do update
       set received_at = excluded.received_at,
           expires_at = excluded.expires_at
     where known.expires_at <= pg_catalog.clock_timestamp();
    return found;
end
$$;

comment on function lamppost.received_first is 'Note that a consumer has this message; whether it is new to them.';

-- Rows that another sweep holds are left to it.
create function lamppost.received_sweep(batch int)
    returns bigint
    language sql security definer
    set search_path = pg_catalog, pg_temp
    as $$
        with gone as (
            delete from lamppost.received
             where (consumer, id) in (
                       select consumer, id
                         from lamppost.received
                        where expires_at <= pg_catalog.clock_timestamp()
                        order by expires_at
                        limit batch
                          for update skip locked
                   )
            returning 1
        )
        select pg_catalog.count(*) from gone
    $$;

comment on function lamppost.received_sweep is 'Delete up to `batch` rows that expired; how many.';

-- Who could delete a row could have its effect again. Whatever the defaults of this schema grant, nobody may.
do $$
declare
    reader text;
begin
    for reader in
        select pg_get_userbyid(acl.grantee)
          from pg_class, aclexplode(pg_class.relacl) as acl
         where pg_class.oid = 'lamppost.received'::regclass
           and acl.grantee not in (0, pg_class.relowner)
         group by 1
    loop
        execute format('revoke all on lamppost.received from %I', reader);
    end loop;
end
$$;
