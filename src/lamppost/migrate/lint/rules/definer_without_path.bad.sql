create function birthday.f() returns int language sql security definer as $$ select 1 $$;
