set local search_path = birthday;
