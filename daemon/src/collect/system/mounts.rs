//! Which filesystems are mounted, and which of them can fill up.

use std::collections::BTreeMap;

/// The most filesystems of one reading.
const MOUNTS_MAX: usize = 512;

/// Types that hold no files of anybody's, or that only show others.
const PSEUDO: [&str; 44] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "ecryptfs",
    "efivarfs",
    "erofs",
    "fuse.gvfsd-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fuse.snapfuse",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "nfsd",
    "proc",
    "pstore",
    "pipefs",
    "ramfs",
    "resctrl",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sockfs",
    "squashfs",
    "sysfs",
    "tracefs",
    "udf",
    "usbfs",
    "fuse.gvfs-fuse-daemon",
    "fuse.rofiles-fuse",
    "fuse.vmware-vmblock",
    "xenfs",
    "cramfs",
    "none",
];

/// Files that containers have mounted one by one.
const CONTAINER_FILES: [&str; 3] = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];

/// One mounted filesystem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Where.
    pub mount: String,
    /// Of what: a device, or the name of a share.
    pub device: String,
    /// Of which type.
    pub filesystem: String,
}

/// Parses `/proc/self/mountinfo`: every filesystem that can fill up, once, in the order of its
/// place. Of several mounts of one filesystem the shortest place counts.
pub fn parse(text: &str, ignored: &[String]) -> Vec<Mount> {
    let mut by_place = BTreeMap::new();
    for line in text.lines() {
        // The last mount on a place hides the ones before.
        if let Some((number, mount)) = parse_line(line) {
            by_place.insert(mount.mount.clone(), (number, mount));
        }
    }
    let mut kept: BTreeMap<(String, String), Mount> = BTreeMap::new();
    for (number, mount) in by_place.into_values() {
        if !is_wanted(&mount, ignored) {
            continue;
        }
        let identity = (number, mount.device.clone());
        match kept.get(&identity) {
            Some(other) if other.mount.len() <= mount.mount.len() => {}
            _ => drop(kept.insert(identity, mount)),
        }
    }
    let mut mounts: Vec<Mount> = kept.into_values().collect();
    mounts.sort_by(|a, b| a.mount.cmp(&b.mount));
    mounts.truncate(MOUNTS_MAX);
    mounts
}

fn is_wanted(mount: &Mount, ignored: &[String]) -> bool {
    let filesystem = mount.filesystem.as_str();
    if PSEUDO.contains(&filesystem) || ignored.iter().any(|ignored| ignored == filesystem) {
        return false;
    }
    match filesystem {
        // Of filesystems in memory only the one that people fill is of interest.
        "tmpfs" => mount.mount == "/tmp",
        // A container's root; those of other containers show the same disk again.
        "overlay" => mount.mount == "/",
        _ => !CONTAINER_FILES.contains(&mount.mount.as_str()),
    }
}

/// The device's number, which tells filesystems apart, and the mount.
fn parse_line(line: &str) -> Option<(String, Mount)> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ');
    let number = left.nth(2)?.to_owned();
    let place = left.nth(1)?;
    let mut right = right.split(' ');
    let (filesystem, device) = (right.next()?, right.next()?);
    let mount = unescape(place);
    Some((number, Mount { mount, device: unescape(device), filesystem: filesystem.to_owned() }))
}

/// The kernel writes blanks, tabs, line ends and backslashes as three octal digits.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = (first == b'\\').then(|| tail.get(..3)).flatten();
        let octal = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = tail.get(3..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTINFO: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:20 / /proc rw - proc proc rw
24 22 0:21 / /dev/shm rw - tmpfs tmpfs rw
25 22 0:22 / /tmp rw shared:9 - tmpfs tmpfs rw
26 22 8:1 /srv /srv/bound rw shared:1 - ext4 /dev/sda1 rw
27 22 8:17 / /mnt/my\\040disk rw - xfs /dev/sdb1 rw
28 22 0:40 / /mnt/share rw - nfs4 server:/export rw
29 22 0:55 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
30 22 7:3 / /snap/core/1 ro - squashfs /dev/loop3 ro
";

    fn places(text: &str, ignored: &[String]) -> Vec<String> {
        parse(text, ignored).into_iter().map(|mount| mount.mount).collect()
    }

    #[test]
    fn what_can_fill_up_is_listed_once() {
        assert_eq!(places(MOUNTINFO, &[]), ["/", "/mnt/my disk", "/mnt/share", "/tmp"]);
        assert_eq!(places(MOUNTINFO, &["nfs4".to_owned()]), ["/", "/mnt/my disk", "/tmp"]);
    }

    #[test]
    fn a_container_shows_its_root_and_not_the_files_mounted_into_it() {
        let text =
            "1 0 0:9 / / rw - overlay overlay rw\n2 1 8:1 /h /etc/hosts rw - ext4 /dev/sda1 rw\n";
        assert_eq!(places(text, &[]), ["/"]);
    }

    #[test]
    fn the_last_mount_on_a_place_counts_and_broken_lines_are_passed_over() {
        let text = "1 0 8:1 / /a rw - ext4 /dev/sda1 rw\n2 0 8:2 / /a rw - xfs /dev/sda2 rw\nbroken\n3 4 - \n";
        let mounts = parse(text, &[]);
        assert_eq!(mounts.len(), 1);
        assert_eq!(mounts[0].device, "/dev/sda2");
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape("a\\040b\\134c\\09"), "a b\\c\\09");
        assert_eq!(unescape("end\\"), "end\\");
    }
}
