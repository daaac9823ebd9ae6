-- Who a transaction works for. lamppost.db.tenant() sets these for one transaction, after it has looked the
-- membership up; a policy compares with them. Where nothing is set they are null, and null equals nothing.
-- PostgreSQL gives back '' for a setting that an earlier transaction of the session had: hence nullif.
create function lamppost.tenant_id() returns uuid
    language sql stable parallel safe
    return nullif(pg_catalog.current_setting('app.tenant_id', true), '')::uuid;

comment on function lamppost.tenant_id() is 'The tenant this transaction works for; null outside tenant().';

create function lamppost.user_id() returns text
    language sql stable parallel safe
    return nullif(pg_catalog.current_setting('app.user_id', true), '');

comment on function lamppost.user_id() is 'The caller, as the verified token names them; null outside tenant().';

create function lamppost.role() returns text
    language sql stable parallel safe
    return nullif(pg_catalog.current_setting('app.role', true), '');

comment on function lamppost.role() is 'What the caller is in this tenant; null outside tenant().';
