drop index birthday.people_email;
