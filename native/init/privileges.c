/* Privileges are cut to the capabilities that containerd and Docker grant by default, and can never grow again. */
#include "init.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (1ULL << (capability))

static const unsigned long long granted =
    BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) | BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) |
    BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
    BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);

void drop_privileges(void) {
  if (setgroups(0, NULL) < 0) fail("drop supplementary groups");
  /* The bounding set ends with the last capability this kernel knows: EINVAL. */
  for (unsigned long capability = 0; capability < 64; capability++)
    if (!(granted & BIT(capability)) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      if (errno == EINVAL) break;
      fail("drop capability %lu", capability);
    }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL) fail("clear ambient capabilities");

  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, data) < 0) fail("read capabilities");
  for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
    data[i].permitted &= (__u32)(granted >> (32 * i));
    data[i].effective = data[i].permitted;
    /* Inheritable ones would come back to an unprivileged user through file capabilities (CVE-2022-24769). */
    data[i].inheritable = 0;
  }
  if (syscall(SYS_capset, &header, data) < 0) fail("drop capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("set no_new_privs");
}
