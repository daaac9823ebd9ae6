"""Everything a schema holds, as rows of (schema, kind, name, definition), in words PostgreSQL prints itself.

Nothing here depends on OIDs, on the order of columns or on where a dropped one stood. `{mine}` is the
condition on the schema, `n` its pg_namespace; what an extension brought is left out.
"""

# A relation's rights, one per grantee; who was granted nothing in particular has PostgreSQL's defaults.
_RIGHTS = """(
    select coalesce(string_agg(format('%s=%s', grantee, rights), ', ' order by grantee), 'nobody')
      from (select case acl.grantee when 0 then 'public'
                        else pg_get_userbyid(acl.grantee)::text end as grantee,
                   string_agg(lower(acl.privilege_type) || case when acl.is_grantable then '*' else '' end,
                              '+' order by acl.privilege_type) as rights
              from aclexplode(coalesce({acl}, acldefault('{letter}', {owner}))) as acl
             where acl.privilege_type <> 'MAINTAIN'
             group by 1) as granted)"""


def _rights(acl: str, letter: str, owner: str) -> str:
    return _RIGHTS.format(acl=acl, letter=letter, owner=owner)


_NOT_OF_EXTENSION = """
   and not exists (select from pg_depend as e where e.classid = '{catalog}'::regclass and e.objid = {oid}
                                                and e.deptype = 'e')"""


def _own(catalog: str, oid: str) -> str:
    return _NOT_OF_EXTENSION.format(catalog=catalog, oid=oid)


_OWN_RELATION = (
    _own("pg_class", "c.oid")
    + """
   and not (n.nspname = 'public' and c.relname like 'schema\\_%')"""
)

SCHEMAS = f"""
select n.nspname, 'schema', n.nspname,
       format('owner %s; rights %s', pg_get_userbyid(n.nspowner), {_rights("n.nspacl", "n", "n.nspowner")})
  from pg_namespace as n where {{mine}}"""

RELATIONS = f"""
select n.nspname,
       case c.relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view'
                      when 'm' then 'materialized view' when 'f' then 'foreign table' else 'sequence' end,
       c.relname,
       concat_ws('; ', 'owner ' || pg_get_userbyid(c.relowner),
           'rights ' || case when c.relkind = 'S' then {_rights("c.relacl", "s", "c.relowner")}
                             else {_rights("c.relacl", "r", "c.relowner")} end,
           case c.relpersistence when 'u' then 'unlogged' end,
           case when c.relrowsecurity then 'row level security' end,
           case when c.relforcerowsecurity then 'forced row level security' end,
           'options ' || (select string_agg(o, ',' order by o) from unnest(c.reloptions) as o),
           'partitioned by ' || pg_get_partkeydef(c.oid),
           'partition ' || pg_get_expr(c.relpartbound, c.oid),
           'of ' || (select string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno)
                       from pg_inherits as i where i.inhrelid = c.oid),
           case when c.relkind in ('r', 'p') and c.relreplident <> 'd'
                then 'replica identity ' || c.relreplident::text end,
           case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
           (select format('%s start %s increment %s from %s to %s cache %s%s', format_type(s.seqtypid, null),
                          s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
                          case when s.seqcycle then ' cycle' else '' end)
              from pg_sequence as s where s.seqrelid = c.oid),
           (select format('owned by %s.%s', d.refobjid::regclass, a.attname)
              from pg_depend as d
              join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
             where c.relkind = 'S' and d.classid = 'pg_class'::regclass and d.objid = c.oid
               and d.deptype in ('a', 'i')))
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
 where {{mine}} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S'){_OWN_RELATION}"""

COLUMNS = f"""
select n.nspname, 'column', format('%s.%s', c.relname, a.attname),
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
           case when a.attgenerated <> '' then format('generated %s', a.attgenerated::text) end,
           'default ' || pg_get_expr(d.adbin, d.adrelid),
           case a.attidentity when 'a' then 'identity always' when 'd' then 'identity by default' end,
           case when a.attcollation <> t.typcollation
                then 'collate ' || (select collname from pg_collation where oid = a.attcollation) end,
           'rights ' || (select string_agg(item::text, ', ' order by item::text)
                           from unnest(a.attacl) as item))
  from pg_attribute as a
  join pg_class as c on c.oid = a.attrelid
  join pg_namespace as n on n.oid = c.relnamespace
  join pg_type as t on t.oid = a.atttypid
  left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where {{mine}} and c.relkind in ('r', 'p', 'f', 'm') and a.attnum > 0 and not a.attisdropped
{_OWN_RELATION}"""

# PostgreSQL 18 keeps not null as a constraint of its own; the column says it already.
CONSTRAINTS = f"""
select n.nspname, 'constraint', format('%s.%s', c.relname, k.conname),
       pg_get_constraintdef(k.oid)
           || case when k.convalidated or k.contype in ('c', 'f') then '' else ' NOT VALID' end
           || case when k.contype in ('p', 'u', 'x') and exists (
                        select from pg_index as x where x.indexrelid = k.conindid and not x.indisvalid)
                   then ' (INVALID)' else '' end
  from pg_constraint as k
  join pg_class as c on c.oid = k.conrelid
  join pg_namespace as n on n.oid = c.relnamespace
 where {{mine}} and k.contype <> 't' and (k.contype <> 'n' or not k.convalidated){_OWN_RELATION}"""

INDEXES = f"""
select n.nspname, 'index', i.relname,
       pg_get_indexdef(x.indexrelid) || case when x.indisvalid then '' else ' (INVALID)' end
           || case when x.indisclustered then ' (clustered)' else '' end
  from pg_index as x
  join pg_class as i on i.oid = x.indexrelid
  join pg_class as c on c.oid = x.indrelid
  join pg_namespace as n on n.oid = c.relnamespace
 where {{mine}} and not exists (select from pg_constraint as k where k.conindid = x.indexrelid
                                                           and k.contype in ('p', 'u', 'x')){_OWN_RELATION}"""

FUNCTIONS = f"""
select n.nspname, 'function', format('%s(%s)', p.proname, pg_get_function_identity_arguments(p.oid)),
       format('owner %s; rights %s; ', pg_get_userbyid(p.proowner), {_rights("p.proacl", "f", "p.proowner")})
           || case when p.prokind in ('f', 'p') then pg_get_functiondef(p.oid)
                   else format('%s returns %s', p.prokind, pg_get_function_result(p.oid)) end
  from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
 where {{mine}}{_own("pg_proc", "p.oid")}"""

TRIGGERS = f"""
select n.nspname, 'trigger', format('%s.%s', c.relname, t.tgname),
       pg_get_triggerdef(t.oid) || case t.tgenabled when 'O' then '' else ' enabled ' || t.tgenabled::text end
  from pg_trigger as t
  join pg_class as c on c.oid = t.tgrelid
  join pg_namespace as n on n.oid = c.relnamespace
 where {{mine}} and not t.tgisinternal{_OWN_RELATION}"""

POLICIES = f"""
select n.nspname, 'policy', format('%s.%s', c.relname, p.polname),
       concat_ws(' ', p.polcmd::text, case when p.polpermissive then 'permissive' else 'restrictive' end,
           'to ' || (select string_agg(named, ', ' order by named)
                       from (select case role when 0 then 'public' else pg_get_userbyid(role)::text end
                               from unnest(p.polroles) as role) as roles(named)),
           'using ' || pg_get_expr(p.polqual, p.polrelid),
           'check ' || pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_policy as p
  join pg_class as c on c.oid = p.polrelid
  join pg_namespace as n on n.oid = c.relnamespace
 where {{mine}}{_OWN_RELATION}"""

RULES = f"""
select n.nspname, 'rule', format('%s.%s', c.relname, r.rulename), pg_get_ruledef(r.oid)
  from pg_rewrite as r
  join pg_class as c on c.oid = r.ev_class
  join pg_namespace as n on n.oid = c.relnamespace
 where {{mine}} and r.rulename <> '_RETURN'{_OWN_RELATION}"""

STATISTICS = """
select n.nspname, 'statistics', s.stxname, pg_get_statisticsobjdef(s.oid)
  from pg_statistic_ext as s join pg_namespace as n on n.oid = s.stxnamespace
 where {mine}"""

TYPES = f"""
select n.nspname, case t.typtype when 'e' then 'enum' when 'd' then 'domain' else 'type' end, t.typname,
       concat_ws(' ', 'owner ' || pg_get_userbyid(t.typowner) || ';',
           'rights ' || {_rights("t.typacl", "T", "t.typowner")} || ';',
           (select 'of ' || string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
              from pg_enum where enumtypid = t.oid),
           case when t.typtype = 'd' then format_type(t.typbasetype, t.typtypmod) end,
           case when t.typnotnull then 'not null' end, 'default ' || t.typdefault,
           (select string_agg(format('%s %s', k.conname, pg_get_constraintdef(k.oid)), ', '
                              order by k.conname)
              from pg_constraint as k where k.contypid = t.oid and k.contype <> 'n'),
           (select '(' || string_agg(format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
                                     order by a.attname) || ')'
              from pg_attribute as a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped),
           (select 'range of ' || format_type(r.rngsubtype, null)
              from pg_range as r where r.rngtypid = t.oid))
  from pg_type as t
  join pg_namespace as n on n.oid = t.typnamespace
  left join pg_class as c on c.oid = t.typrelid
 where {{mine}} and (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
{_own("pg_type", "t.oid")}"""

DEFAULT_RIGHTS = """
select n.nspname, 'default rights',
       format('of %s on %s', pg_get_userbyid(d.defaclrole),
              case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
                                   when 'T' then 'types' else d.defaclobjtype::text end),
       (select string_agg(format('%s=%s', case acl.grantee when 0 then 'public'
                                               else pg_get_userbyid(acl.grantee)::text end,
                                 lower(acl.privilege_type)), ', '
                          order by pg_get_userbyid(acl.grantee)::text, acl.privilege_type)
          from aclexplode(d.defaclacl) as acl where acl.privilege_type <> 'MAINTAIN')
  from pg_default_acl as d join pg_namespace as n on n.oid = d.defaclnamespace
 where {mine}"""

ALL = (
    SCHEMAS,
    RELATIONS,
    COLUMNS,
    CONSTRAINTS,
    INDEXES,
    FUNCTIONS,
    TRIGGERS,
    POLICIES,
    RULES,
    STATISTICS,
    TYPES,
    DEFAULT_RIGHTS,
)
