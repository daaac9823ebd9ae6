"""Keys that tell one tenant what another has, or that let rows point across the wall.

PostgreSQL checks unique and foreign keys without asking policies. A key without the tenant's column says
"exists already" about rows nobody may see. That is harmless only where nobody can guess a value: in a uuid
that the database makes at random, or that a foreign key takes over from one.
"""

from lamppost.diagnose.tenancy.rule import Rule

RULES = (
    Rule(
        "key_without_tenant",
        "the unique key {name} ({columns}) tells every tenant whether another has a value",
        "make it unique ({column}, {columns}); only a uuid that the database makes cannot be guessed",
        """
        select pg_index.indrelid::regclass::text as "where", index.relname as name,
               %(column)s::text as "column", keys.columns
          from pg_index
          join pg_class as index on index.oid = pg_index.indexrelid
         cross join lateral (
               select string_agg(coalesce(pg_attribute.attname, 'an expression'), ', ' order by k.place)
                          as columns,
                      coalesce(bool_or(pg_attribute.attname = %(column)s::name), false) as tenant,
                      coalesce(bool_or(pg_attribute.atttypid = 'uuid'::regtype and (
                          pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid)
                              ~ '(gen_random_uuid|uuidv4|uuidv7|uuid_generate_v4)\\('
                          or exists (select from pg_constraint
                                      where conrelid = pg_index.indrelid and contype = 'f'
                                        and k.attnum = any(conkey)))), false) as unguessable,
                      coalesce(bool_or(pg_attribute.attidentity <> ''
                          or pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid) like 'nextval(%%'), false)
                          as counted
                 from unnest(pg_index.indkey::int2[]) with ordinality as k (attnum, place)
                 left join pg_attribute on pg_attribute.attrelid = pg_index.indrelid
                                       and pg_attribute.attnum = k.attnum and k.attnum > 0
                 left join pg_attrdef on pg_attrdef.adrelid = pg_index.indrelid
                                     and pg_attrdef.adnum = k.attnum
                where k.place <= pg_index.indnkeyatts) as keys
         where pg_index.indrelid = any(%(tables)s::oid[])
           and (pg_index.indisunique or pg_index.indisexclusion)
           and not keys.tenant and not keys.unguessable and not keys.counted
        """,
    ),
    Rule(
        "counted_key",
        "{name} counts through all tenants: from their own numbers they learn how much others do",
        "use a uuid, or number each tenant's rows by themselves: unique ({column}, …)",
        """
        select distinct pg_index.indrelid::regclass::text as "where", pg_attribute.attname as name,
               %(column)s::text as "column"
          from pg_index
          join pg_attribute on pg_attribute.attrelid = pg_index.indrelid
                           and pg_attribute.attnum = any(pg_index.indkey::int2[])
          left join pg_attrdef on pg_attrdef.adrelid = pg_index.indrelid
                              and pg_attrdef.adnum = pg_attribute.attnum
         where pg_index.indrelid = any(%(tables)s::oid[])
           and pg_index.indisunique
           and (pg_attribute.attidentity <> ''
                or pg_get_expr(pg_attrdef.adbin, pg_attrdef.adrelid) like 'nextval(%%')
        """,
        "advice",
    ),
    Rule(
        "fk_crosses_tenants",
        "a row may point to another tenant's row in {parent}: {name} does not compare tenants",
        "foreign key ({column}, {columns}) references {parent} ({column}, …), which needs that unique key",
        """
        select pg_constraint.conrelid::regclass::text as "where", pg_constraint.conname as name,
               pg_constraint.confrelid::regclass::text as parent, %(column)s::text as "column",
               (select string_agg(attname, ', ')
                  from pg_attribute
                 where attrelid = pg_constraint.conrelid and attnum = any(pg_constraint.conkey)) as columns
          from pg_constraint
         where pg_constraint.contype = 'f'
           and pg_constraint.conparentid = 0
           and pg_constraint.conrelid = any(%(tables)s::oid[])
           and pg_constraint.confrelid = any(%(tables)s::oid[])
           and not exists (
               select from unnest(pg_constraint.conkey, pg_constraint.confkey) as pair (own, other)
                 join pg_attribute as mine on mine.attrelid = pg_constraint.conrelid
                                          and mine.attnum = pair.own and mine.attname = %(column)s::name
                 join pg_attribute as theirs on theirs.attrelid = pg_constraint.confrelid
                                            and theirs.attnum = pair.other
                                            and theirs.attname = %(column)s::name)
        """,
    ),
    Rule(
        "fk_not_validated",
        "rows that were there before the foreign key {name} may point into another tenant",
        "alter table {where} validate constraint {name}",
        """
        select conrelid::regclass::text as "where", quote_ident(conname) as name
          from pg_constraint
         where contype = 'f' and not convalidated
           and conrelid = any(%(tables)s::oid[]) and confrelid = any(%(tables)s::oid[])
        """,
    ),
    Rule(
        "fk_disabled",
        "the foreign key {name} is switched off: rows may point anywhere",
        "alter table {where} enable trigger all",
        """
        select distinct pg_constraint.conrelid::regclass::text as "where",
               quote_ident(pg_constraint.conname) as name
          from pg_trigger
          join pg_constraint on pg_constraint.oid = pg_trigger.tgconstraint and pg_constraint.contype = 'f'
         where pg_trigger.tgenabled in ('D', 'R')
           and pg_constraint.conrelid = any(%(tables)s::oid[])
        """,
    ),
    Rule(
        "membership_twice",
        "a caller may have two memberships in one tenant, and so two roles",
        "alter table {where} add unique ({column}, {subject})",
        """
        select %(memberships)s::text as "where", %(column)s::text as "column", %(subject)s::text as subject
         where to_regclass(%(memberships)s::text) = any(%(tables)s::oid[]::regclass[])
           and not exists (
               select from pg_index
                where indrelid = to_regclass(%(memberships)s::text)
                  and indisunique and indisvalid and indpred is null and indexprs is null
                  and (select array_agg(attname::text) from pg_attribute
                        where attrelid = indrelid
                          and attnum = any((indkey::int2[])[0:indnkeyatts - 1]))
                      <@ array[%(column)s::name, %(subject)s::name]::text[])
        """,
    ),
    Rule(
        "membership_unindexed",
        "every request looks a membership up by {subject}, and no index begins with it",
        "create index concurrently on {where} ({subject})",
        """
        select %(memberships)s::text as "where", %(subject)s::text as subject
         where to_regclass(%(memberships)s::text) = any(%(tables)s::oid[]::regclass[])
           and not exists (
               select from pg_index
                 join pg_attribute on attrelid = indrelid and attnum = indkey[0]
                where indrelid = to_regclass(%(memberships)s::text) and indisvalid
                  and attname = %(subject)s::name)
        """,
        "advice",
    ),
    Rule(
        "tenant_unindexed",
        "every query compares {column}, and no index begins with it: each reads all tenants' rows",
        "let its keys begin with {column}",
        """
        select pg_class.oid::regclass::text as "where", %(column)s::text as "column"
          from pg_class
         where pg_class.oid = any(%(tables)s::oid[])
           and pg_class.relkind in ('r', 'p')
           and not exists (
               select from pg_index
                 join pg_attribute on attrelid = indrelid and attnum = indkey[0]
                where indrelid = pg_class.oid and indisvalid and attname = %(column)s::name)
        """,
        "advice",
    ),
)
