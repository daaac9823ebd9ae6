"""Roles that no policy binds, and settings that stand where only a transaction's may."""

from lamppost.diagnose.tenancy.rule import Rule

RULES = (
    Rule(
        "role_unbound",
        "the app role {harm}",
        "alter role {where} {word}",
        """
        select quote_ident(rolname) as "where", powers.word, powers.harm
          from pg_roles,
       lateral (values (rolsuper, 'nosuperuser', 'is a superuser: no policy binds it'),
                       (rolbypassrls, 'nobypassrls', 'bypasses row-level security'),
                       (rolreplication, 'noreplication', 'may copy the whole server'),
                       (rolcreaterole, 'nocreaterole', 'may make roles, and be them'))
                    as powers (has, word, harm)
         where rolname = %(app)s::name and powers.has
        """,
    ),
    Rule(
        "owner_unbound",
        "its owner {owner} is a superuser or bypasses policies: so do its views and definer functions",
        "alter table {where} owner to {migrator}",
        """
        select pg_class.oid::regclass::text as "where", quote_ident(pg_roles.rolname) as owner,
               coalesce(quote_ident(%(migrator)s::name), 'the migrator''s role') as migrator
          from pg_class
          join pg_roles on pg_roles.oid = pg_class.relowner
         where pg_class.oid = any(%(tables)s::oid[])
           and (pg_roles.rolsuper or pg_roles.rolbypassrls)
        """,
    ),
    Rule(
        "role_owner",
        "the app role {app} owns it: an owner may switch every policy off",
        "reassign owned by {app} to {migrator}",
        """
        select case when pg_shdepend.classid = 'pg_database'::regclass then 'database ' || current_database()
                    else pg_describe_object(pg_shdepend.classid, pg_shdepend.objid, pg_shdepend.objsubid)
               end as "where",
               quote_ident(%(app)s::name) as app,
               coalesce(quote_ident(%(migrator)s::name), 'its migrator') as migrator
          from pg_shdepend
         where pg_shdepend.refclassid = 'pg_authid'::regclass
           and pg_shdepend.refobjid = to_regrole(%(app)s::name)
           and pg_shdepend.deptype = 'o'
           and (pg_shdepend.dbid = (select oid from pg_database where datname = current_database())
                or (pg_shdepend.classid = 'pg_database'::regclass
                    and pg_shdepend.objid = (select oid from pg_database where datname = current_database())))
        """,
    ),
    Rule(
        "role_member",
        "the app role may act as {role}: {harm}",
        "revoke {role} from {where}",
        """
        with recursive may as (
            select roleid from pg_auth_members where member = to_regrole(%(app)s::name)
             union
            select pg_auth_members.roleid from may join pg_auth_members on pg_auth_members.member = may.roleid
        )
        select quote_ident(%(app)s::name) as "where", quote_ident(pg_roles.rolname) as role,
               case when pg_roles.rolname ~ '^pg_' then 'one of PostgreSQL''s own, which look past tables'
                    when pg_roles.rolsuper or pg_roles.rolbypassrls then 'no policy binds it'
                    else 'it owns tables, and may switch their policies off' end as harm
          from may
          join pg_roles on pg_roles.oid = may.roleid
         where pg_roles.rolname ~ '^pg_' or pg_roles.rolsuper or pg_roles.rolbypassrls
            or pg_roles.rolname = %(migrator)s::name
            or exists (select from pg_class
                        where relowner = pg_roles.oid
                          and oid = any(%(tables)s::oid[] || %(children)s::oid[]))
        """,
    ),
    Rule(
        "standing_setting",
        "{setting} stands for every session of it: {harm}",
        "alter {where} reset {name}",
        """
        select coalesce('role ' || quote_ident(pg_roles.rolname),
                        'database ' || quote_ident(current_database()))
                   as "where",
               setting, split_part(setting, '=', 1) as name,
               case when setting like 'app.%%' then 'whoever forgets tenant() is in this one'
                    when setting like 'row_security%%' then 'who may bypass policies does'
                    else 'foreign keys and triggers are off' end as harm
          from pg_db_role_setting
          left join pg_roles on pg_roles.oid = pg_db_role_setting.setrole,
               unnest(pg_db_role_setting.setconfig) as setting
         where setdatabase in (0, (select oid from pg_database where datname = current_database()))
           and (setrole = 0 or pg_roles.rolname in (%(app)s::name, %(migrator)s::name))
           and setting
               ~ '^(app\\.(tenant_id|user_id|role)=|row_security=off|session_replication_role=replica)'
        """,
    ),
    Rule(
        "user_mapping",
        "the app role reaches another server with the mapping for {user}",
        "drop user mapping for {user} server {where}",
        """
        select quote_ident(srvname) as "where", usename as "user"
          from pg_user_mappings
         where umuser = 0 or usename = %(app)s::name
        """,
    ),
)
