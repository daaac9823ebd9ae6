alter table birthday.people add constraint people_email_there check (email is not null) not valid;
