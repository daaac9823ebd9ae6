create function birthday.f() returns int language sql security definer set search_path = birthday, pg_temp as $$ select 1 $$;
