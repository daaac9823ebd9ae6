alter table birthday.people add column email text not null;
