SELECT count() > 0 FROM names WHERE what = 'tenant' AND name = {tenant:String}
