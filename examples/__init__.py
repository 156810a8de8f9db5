"""Programs that a student can read in one sitting, differentiated by adcompile."""
