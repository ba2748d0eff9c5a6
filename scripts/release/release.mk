# The release that the rockspecs beside those of scm are of.
VERSION = $(shell sed -n 's/^return "\(.*\)"/\1/p' lua/wsmanager/base/version.lua)

.PHONY: rockspecs rock
rockspecs:
	@scripts/release/rockspecs $(VERSION)

rock: rockspecs
	@rm -rf build/rock
	@scripts/release/archive $(VERSION) build/rock
	@cp wsmanager-$(VERSION)-1.rockspec wsmanager-fetch-$(VERSION)-1.rockspec build/rock
	@cd build/rock && for name in wsmanager wsmanager-fetch; do \
	  python3 -m zipfile -c $$name-$(VERSION)-1.src.rock \
	    $$name-$(VERSION)-1.rockspec wsmanager-$(VERSION).tar.gz || exit 1; done; ls
