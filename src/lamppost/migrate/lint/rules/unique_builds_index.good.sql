alter table birthday.people add constraint people_email_key unique using index people_email;
