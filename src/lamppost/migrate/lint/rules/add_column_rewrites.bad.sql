alter table birthday.people add column token uuid default gen_random_uuid();
