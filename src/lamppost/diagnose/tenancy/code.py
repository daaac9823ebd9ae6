"""Views and functions that look over the wall with somebody else's rights."""

from lamppost.diagnose.tenancy.rule import Rule

RULES = (
    Rule(
        "view_owner_rights",
        "the view reads {table} with its owner's rights: who owns it decides what a caller sees",
        "alter view {where} set (security_invoker = true)",
        """
        with recursive reads as (
            select pg_rewrite.ev_class as view, pg_depend.refobjid as source, pg_depend.refobjid as relation
              from pg_depend
              join pg_rewrite on pg_rewrite.oid = pg_depend.objid
             where pg_depend.classid = 'pg_rewrite'::regclass
               and pg_depend.refclassid = 'pg_class'::regclass
               and pg_depend.refobjid <> pg_rewrite.ev_class
               and pg_depend.refobjid = any(%(tables)s::oid[] || %(children)s::oid[])
             union
            select pg_rewrite.ev_class, reads.source, pg_depend.refobjid
              from reads
              join pg_depend on pg_depend.refobjid = reads.view
                            and pg_depend.classid = 'pg_rewrite'::regclass
                            and pg_depend.refclassid = 'pg_class'::regclass
              join pg_rewrite on pg_rewrite.oid = pg_depend.objid and pg_rewrite.ev_class <> reads.view
        )
        select pg_class.oid::regclass::text as "where", min(reads.source::regclass::text) as "table"
          from reads
          join pg_class on pg_class.oid = reads.view
         where pg_class.relkind = 'v'
           and coalesce(has_any_column_privilege(%(app)s::name, pg_class.oid, 'select'), true)
           and not coalesce((select option_value::boolean
                               from pg_options_to_table(pg_class.reloptions)
                              where option_name = 'security_invoker'), false)
         group by 1
        """,
    ),
    Rule(
        "materialized_view",
        "a materialised view keeps rows of {table} of every tenant, and has no policies",
        "revoke all on {where} from the app role; or fill a table with {column} and a wall",
        """
        with recursive reads as (
            select pg_rewrite.ev_class as view, pg_depend.refobjid as source
              from pg_depend
              join pg_rewrite on pg_rewrite.oid = pg_depend.objid
             where pg_depend.classid = 'pg_rewrite'::regclass
               and pg_depend.refclassid = 'pg_class'::regclass
               and pg_depend.refobjid <> pg_rewrite.ev_class
               and pg_depend.refobjid = any(%(tables)s::oid[] || %(children)s::oid[])
             union
            select pg_rewrite.ev_class, reads.source
              from reads
              join pg_depend on pg_depend.refobjid = reads.view
                            and pg_depend.classid = 'pg_rewrite'::regclass
                            and pg_depend.refclassid = 'pg_class'::regclass
              join pg_rewrite on pg_rewrite.oid = pg_depend.objid and pg_rewrite.ev_class <> reads.view
        )
        select pg_class.oid::regclass::text as "where", min(reads.source::regclass::text) as "table",
               %(column)s::text as "column"
          from reads
          join pg_class on pg_class.oid = reads.view
         where pg_class.relkind = 'm'
           and coalesce(has_any_column_privilege(%(app)s::name, pg_class.oid, 'select'), true)
         group by 1
        """,
    ),
    Rule(
        "definer_function",
        "security definer: it runs with the rights of {owner}, whoever calls it",
        "alter function {where} security invoker; or revoke execute on it from public and the app role",
        """
        select pg_proc.oid::regprocedure::text as "where", pg_get_userbyid(pg_proc.proowner) as owner
          from pg_proc
          join pg_namespace on pg_namespace.oid = pg_proc.pronamespace
         where pg_proc.prosecdef
           and pg_namespace.nspname not in ('pg_catalog', 'information_schema', 'lamppost')
           and (coalesce(has_function_privilege(%(app)s::name, pg_proc.oid, 'execute'), true)
                or exists (select from pg_trigger where tgfoid = pg_proc.oid))
           and not exists (select from pg_depend
                            where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e')
        """,
    ),
    Rule(
        "row_security_off",
        "the function switches row_security off: who may bypass policies does so in it",
        "alter function {where} reset row_security",
        """
        select pg_proc.oid::regprocedure::text as "where"
          from pg_proc
         where 'row_security=off' = any(pg_proc.proconfig)
        """,
    ),
    Rule(
        "sets_tenant",
        "the function itself says for which tenant it works",
        "let lamppost.db.tenant() say it: one transaction, one tenant",
        """
        select pg_proc.oid::regprocedure::text as "where"
          from pg_proc
          join pg_namespace on pg_namespace.oid = pg_proc.pronamespace
         where pg_namespace.nspname not in ('pg_catalog', 'information_schema')
           and (exists (select from unnest(pg_proc.proconfig) as setting
                         where setting ~ '^app\\.(tenant_id|user_id|role)=')
                or pg_proc.prosrc ~* 'set_config\\s*\\(\\s*''app\\.(tenant_id|user_id|role)'
                or pg_proc.prosrc ~* '\\mset\\s+(local\\s+|session\\s+)?app\\.(tenant_id|user_id|role)')
        """,
    ),
    Rule(
        "leakproof_function",
        "leakproof: PostgreSQL may call it with rows that the policy would hide",
        "alter function {where} not leakproof",
        """
        select pg_proc.oid::regprocedure::text as "where"
          from pg_proc
          join pg_namespace on pg_namespace.oid = pg_proc.pronamespace
         where pg_proc.proleakproof
           and pg_namespace.nspname not in ('pg_catalog', 'information_schema')
        """,
    ),
    Rule(
        "untrusted_language",
        "written in {language}, which no policy binds: it may read the server's own files",
        "write it in SQL or plpgsql; or revoke execute on it from public and the app role",
        """
        select pg_proc.oid::regprocedure::text as "where", pg_language.lanname as language
          from pg_proc
          join pg_language on pg_language.oid = pg_proc.prolang
          join pg_namespace on pg_namespace.oid = pg_proc.pronamespace
         where not pg_language.lanpltrusted
           and pg_namespace.nspname not in ('pg_catalog', 'information_schema')
           and coalesce(has_function_privilege(%(app)s::name, pg_proc.oid, 'execute'), true)
           and not exists (select from pg_depend
                            where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e')
        """,
    ),
)
