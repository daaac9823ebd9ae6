"""Rights that pass by the policies: TRUNCATE, REFERENCES, TRIGGER and CREATE ask none."""

from lamppost.diagnose.tenancy.rule import Rule

RULES = (
    Rule(
        "granted_to_public",
        "every role of the server may {rights} it",
        "revoke all on {where} from public",
        """
        select oid::regclass::text as "where", string_agg(distinct lower(right_), ', ') as rights
          from (select pg_class.oid, acl.privilege_type as right_
                  from pg_class
                  join pg_namespace on pg_namespace.oid = pg_class.relnamespace,
                       aclexplode(pg_class.relacl) as acl
                 where pg_namespace.nspname = any(%(schemas)s::text[]) and acl.grantee = 0
                 union all
                select pg_class.oid, acl.privilege_type
                  from pg_class
                  join pg_namespace on pg_namespace.oid = pg_class.relnamespace
                  join pg_attribute on pg_attribute.attrelid = pg_class.oid,
                       aclexplode(pg_attribute.attacl) as acl
                 where pg_namespace.nspname = any(%(schemas)s::text[]) and acl.grantee = 0) as granted
         group by oid
        """,
    ),
    Rule(
        "app_may_create",
        "the app role {app} may create objects in it, and owns what it creates: no policy binds an owner",
        "revoke create on {kind} {where} from public; revoke create on {kind} {where} from {app}",
        """
        select quote_ident(nspname) as "where", 'schema' as kind, %(app)s::text as app
          from pg_namespace
         where nspname = any(%(schemas)s::text[] || array['public', 'lamppost'])
           and has_schema_privilege(%(app)s::name, oid, 'create')
         union all
        select quote_ident(current_database()), 'database', %(app)s::name
         where has_database_privilege(%(app)s::name, current_database(), 'create')
        """,
    ),
    Rule(
        "right_bypasses",
        "the app role may {right_}: {harm}, and no policy is asked",
        "revoke {right_} on {where} from {app}, public",
        """
        select pg_class.oid::regclass::text as "where", %(app)s::text as app, rights.right_, rights.harm
          from pg_class
         cross join (values ('truncate', 'it empties the table for every tenant'),
                            ('references', 'a foreign key of its own tells which keys exist'),
                            ('trigger', 'its trigger sees the rows that others write'))
                    as rights (right_, harm)
         where pg_class.oid = any(%(tables)s::oid[] || %(children)s::oid[])
           and has_table_privilege(%(app)s::name, pg_class.oid, rights.right_)
        """,
    ),
    Rule(
        "grant_option",
        "the app role {app} may pass its rights on",
        "revoke grant option for all on {where} from {app}",
        """
        select distinct pg_class.oid::regclass::text as "where", %(app)s::text as app
          from pg_class
          join pg_namespace on pg_namespace.oid = pg_class.relnamespace,
               aclexplode(pg_class.relacl) as acl
         where pg_namespace.nspname = any(%(schemas)s::text[])
           and acl.is_grantable
           and acl.grantee = to_regrole(%(app)s::name)
        """,
    ),
    Rule(
        "default_rights",
        "tables made later will let {grantee} {rights}",
        "alter default privileges for role {owner}{within} revoke {rights} on tables from {grantee}",
        """
        select coalesce(quote_ident(pg_namespace.nspname), 'every schema') as "where",
               coalesce(' in schema ' || quote_ident(pg_namespace.nspname), '') as within,
               quote_ident(pg_get_userbyid(pg_default_acl.defaclrole)) as owner,
               case acl.grantee when 0 then 'public' else quote_ident(pg_get_userbyid(acl.grantee)) end
                   as grantee,
               string_agg(lower(acl.privilege_type), ', ') as rights
          from pg_default_acl
          left join pg_namespace on pg_namespace.oid = pg_default_acl.defaclnamespace,
               aclexplode(pg_default_acl.defaclacl) as acl
         where pg_default_acl.defaclobjtype = 'r'
           and (pg_namespace.nspname is null or pg_namespace.nspname = any(%(schemas)s::text[]))
           and (acl.grantee = 0 or (acl.grantee = to_regrole(%(app)s::name)
                                    and acl.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER')))
         group by 1, 2, 3, 4
        """,
    ),
)
