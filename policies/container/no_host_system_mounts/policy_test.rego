package policyd.policies.no_host_system_mounts_test

import data.policyd.lib.fixture
import data.policyd.policies.no_host_system_mounts

# reported are the sources of writable mounts that the policy reports.
reported(sources) := {source |
	some source in sources
	found := no_host_system_mounts.violation with input as fixture.app({"mounts": [fixture.bind(source, "/t")]})
	found == {{
		"msg": sprintf("service app mounts the system path %s of the host writable", [source]),
		"service": "app",
		"path": ["services", "app", "volumes", 0],
	}}
}

test_folders_of_programs_and_libraries_are_reported if {
	sources := {
		"/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec",
		"/usr/local/bin", "/usr/local/sbin", "/usr/local/lib", "/root",
	}
	reported(sources) == sources
}

test_system_files_and_everything_below_them_are_reported if {
	sources := {
		"/boot", "/boot/grub/grub.cfg", "/lib/modules", "/lib/modules/6.8.0", "/etc/systemd/system/x.service",
		"/usr/lib/systemd", "/etc/cron.d/job", "/etc/crontab", "/var/spool/cron/crontabs", "/etc/passwd", "/etc/shadow",
		"/etc/sudoers.d/x", "/etc/ssh/sshd_config", "/etc/ld.so.preload", "/etc/profile.d", "/etc/udev/rules.d",
		"/lib/udev", "/etc/modprobe.d", "/etc/init.d/x", "/etc/rc.local", "/root/.ssh/authorized_keys", "/root/.bashrc",
		"/run/systemd/system", "/run/systemd/transient/x.service",
	}
	reported(sources) == sources
}

test_other_paths_are_not if {
	reported({
		"/root/.cache", "/root/models", "/usr/local/bin/npu-smi", "/usr/lib/x86_64-linux-gnu/libcuda.so.1",
		"/usr/local/cuda", "/usr/src", "/usr/share/zoneinfo", "/usr/lib/firmware", "/etc/localtime", "/etc/timezone",
		"/etc/hosts", "/etc/passwd-", "/etc/sshd", "/bootstrap", "/binary", "/home/ada", "/run/systemd/resolve",
		"/var/spool", "/etc/cron", "/libs",
	}) == set()
}

test_read_only_mounts_are_not if {
	every source in ["/lib/modules", "/etc/passwd", "/usr/bin", "/root"] {
		mount := object.union(fixture.bind(source, "/t"), {"read_only": true})
		found := no_host_system_mounts.violation with input as fixture.app({"mounts": [mount]})
		found == set()
	}
}

test_mounts_of_an_earlier_class_are_for_other_policies if {
	reported({"/", "/run", "/run/systemd", "/etc", "/usr", "/usr/local", "/etc/docker", "/proc", "/sys", "/dev"}) == set()
}
