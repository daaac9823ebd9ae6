do $$ begin execute format('comment on table birthday.people is %L', 'people'); end $$;
