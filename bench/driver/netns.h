// Network namespaces kept by a bind mount, made before anything is measured.
#pragma once

// Both return 0 or -errno.
int makeNetns(const char *path);
int removeNetns(const char *path);
