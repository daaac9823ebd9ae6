"""Tables without a wall, or with one that their owner walks through."""

from lamppost.diagnose.tenancy.rule import Rule

RULES = (
    Rule(
        "rls_off",
        "every row of every tenant is open: row-level security is off",
        "alter table {where} enable row level security; alter table {where} force row level security;"
        " and a policy",
        """
        select pg_class.oid::regclass::text as "where"
          from pg_class
         where pg_class.oid = any(%(tables)s::oid[])
           and pg_class.relkind in ('r', 'p')
           and not pg_class.relrowsecurity
           and coalesce(has_any_column_privilege(%(app)s::name, pg_class.oid, 'select, insert, update')
                        or has_table_privilege(%(app)s::name, pg_class.oid, 'delete'), true)
        """,
    ),
    Rule(
        "rls_not_forced",
        "the table's owner sees every tenant's rows, and so do its views and definer functions",
        "alter table {where} force row level security",
        """
        select pg_class.oid::regclass::text as "where"
          from pg_class
         where pg_class.oid = any(%(tables)s::oid[] || %(children)s::oid[])
           and pg_class.relrowsecurity
           and not pg_class.relforcerowsecurity
        """,
    ),
    Rule(
        "no_policy",
        "row-level security without a policy: nobody sees a row",
        "create policy {name}_wall on {where} using ({column} = (select lamppost.tenant_id()))"
        " with check ({column} = (select lamppost.tenant_id()))",
        """
        select pg_class.oid::regclass::text as "where", pg_class.relname as name,
               %(column)s::text as "column"
          from pg_class
         where pg_class.oid = any(%(tables)s::oid[])
           and pg_class.relrowsecurity
           and not exists (select from pg_policy where polrelid = pg_class.oid and polpermissive)
        """,
        "advice",
    ),
    Rule(
        "foreign_table",
        "a foreign table has no policies: it shows what the other server shows",
        "read it in a function of a service of its own, or copy its rows into a table with a wall",
        """
        select pg_class.oid::regclass::text as "where"
          from pg_class
         where pg_class.oid = any(%(tables)s::oid[]) and pg_class.relkind = 'f'
        """,
    ),
    Rule(
        "child_without_tenant",
        "its rows belong to rows of {parent}, and nothing says to which tenant",
        "add {column} uuid not null, widen the foreign key by it, and give the table the same policy",
        """
        select distinct pg_class.oid::regclass::text as "where", %(column)s::text as "column",
               pg_constraint.confrelid::regclass::text as parent
          from pg_class
          join pg_constraint on pg_constraint.conrelid = pg_class.oid and pg_constraint.contype = 'f'
                            and pg_constraint.confrelid = any(%(tables)s::oid[] || %(children)s::oid[])
         where pg_class.oid = any(%(children)s::oid[])
           and not pg_class.relrowsecurity
           and pg_constraint.conparentid = 0
        """,
    ),
    Rule(
        "tenants_listed",
        "every caller may read the list of all tenants: {column} of {child} refers to it",
        "enable and force row level security, and create policy {name}_wall on {where}"
        " using ({key} = (select lamppost.tenant_id())) with check ({key} = (select lamppost.tenant_id()))",
        """
        select root.oid::regclass::text as "where", root.relname as name, pg_attribute.attname as key,
               %(column)s::text as "column", min(child.oid::regclass::text) as child
          from pg_constraint
          join pg_class as child on child.oid = pg_constraint.conrelid
          join pg_class as root on root.oid = pg_constraint.confrelid
          join pg_attribute on pg_attribute.attrelid = root.oid
                           and pg_attribute.attnum = pg_constraint.confkey[1]
         where pg_constraint.contype = 'f'
           and child.oid = any(%(tables)s::oid[])
           and root.oid <> all(%(tables)s::oid[])
           and cardinality(pg_constraint.conkey) = 1
           and exists (select from pg_attribute as own
                        where own.attrelid = child.oid and own.attnum = pg_constraint.conkey[1]
                          and own.attname = %(column)s::name)
           and not (root.relrowsecurity and root.relforcerowsecurity)
         group by 1, 2, 3
        """,
    ),
    Rule(
        "shared_table",
        "no tenant's column and no policy: all tenants share its rows",
        "add the column and a wall; or say why it is shared: comment on table {where} is 'shared: …'",
        """
        select pg_class.oid::regclass::text as "where"
          from pg_class
          join pg_namespace on pg_namespace.oid = pg_class.relnamespace
         where pg_namespace.nspname = any(%(schemas)s::text[])
           and pg_class.relkind in ('r', 'p', 'f')
           and pg_class.oid <> all(%(tables)s::oid[])
           and pg_class.oid <> all(%(children)s::oid[])
           and not pg_class.relrowsecurity
           and coalesce(obj_description(pg_class.oid, 'pg_class'), '') not like 'shared:%%'
           and not exists (select from pg_constraint where contype = 'f' and confrelid = pg_class.oid
                                                       and conrelid = any(%(tables)s::oid[]))
        """,
        "advice",
    ),
    Rule(
        "tenant_nullable",
        "{column} may be null: such a row is in no tenant, and a unique key with a null in it holds nothing",
        "alter table {where} alter column {column} set not null",
        """
        select pg_class.oid::regclass::text as "where", pg_attribute.attname as "column"
          from pg_class
          join pg_attribute on pg_attribute.attrelid = pg_class.oid
         where pg_class.oid = any(%(tables)s::oid[])
           and pg_attribute.attname = %(column)s::name
           and not pg_attribute.attnotnull
        """,
        "advice",
    ),
    Rule(
        "tenant_default",
        "a row written without a tenant lands in one all the same: default {value}",
        "alter table {where} alter column {column} set default lamppost.tenant_id()",
        """
        select pg_attrdef.adrelid::regclass::text as "where", pg_attribute.attname as "column",
               pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid) as value
          from pg_attrdef
          join pg_attribute on pg_attribute.attrelid = pg_attrdef.adrelid
                           and pg_attribute.attnum = pg_attrdef.adnum
         where pg_attrdef.adrelid = any(%(tables)s::oid[])
           and pg_attribute.attname = %(column)s::name
           and pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid)
               !~ '^lamppost\\.tenant_id\\(\\)$|current_setting\\(''app\\.tenant_id'''
        """,
    ),
    Rule(
        "rule_on_table",
        "the rule {name} acts with its table owner's rights, whoever asks",
        "drop rule {name} on {where}; a trigger says the same and obeys the policies",
        """
        select pg_rewrite.ev_class::regclass::text as "where", quote_ident(pg_rewrite.rulename) as name
          from pg_rewrite
          join pg_class on pg_class.oid = pg_rewrite.ev_class
         where pg_class.relkind in ('r', 'p')
           and pg_class.oid = any(%(tables)s::oid[] || %(children)s::oid[])
        """,
    ),
    Rule(
        "published",
        "publication {name} sends every tenant's rows out: replication knows no policies",
        "alter publication {name} drop table {where}, or see that the subscriber may have them all",
        """
        select format('%%I.%%I', schemaname, tablename) as "where", quote_ident(pubname) as name
          from pg_publication_tables
         where to_regclass(format('%%I.%%I', schemaname, tablename)) = any(%(tables)s::oid[]::regclass[])
        """,
    ),
)
