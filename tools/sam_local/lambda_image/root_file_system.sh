#!/usr/bin/env bash
# Lay out the root file system of the stand-in for Lambda's base image.
#   root_file_system.sh PREFIX SITE_PACKAGES FOLDER
# PREFIX is a CPython in a folder of its own, SITE_PACKAGES what Lambda's runtime brings. Beside them
# go the shared libraries that both need, and busybox for the commands with which SAM adds layers.
set -euo pipefail
prefix=$1 site_packages=$2 root=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$(basename "$(readlink -f "$prefix/bin/python3")")

mkdir -p "$root"/{bin,dev,etc,opt,proc,root,sys,tmp,usr/bin,usr/local/bin,var/{lang,rapid,runtime,task}}
chmod 1777 "$root/tmp"
cp "$(type -P busybox)" "$root/bin/busybox"
for name in $("$root/bin/busybox" --list); do
  [[ $name == busybox ]] || ln -s busybox "$root/bin/$name"
done

tar -C "$prefix" -cf - --exclude='lib/*.a' --exclude="lib/$python/config-*" --exclude="lib/$python/ensurepip" \
  --exclude="lib/$python/idlelib" --exclude="lib/$python/site-packages/*" --exclude="lib/$python/test" \
  "bin/$python" lib | tar -C "$root/var/lang" -xf -
ln -sf "$python" "$root/var/lang/bin/python3"
tar -C "$site_packages" -cf - --exclude='./pip*' . | tar -C "$root/var/runtime" -xf -
install -m 755 "$here/bootstrap" "$root/var/runtime/bootstrap"
install -m 644 "$here/bootstrap.py" "$root/var/runtime/bootstrap.py"

# The libraries of the interpreter, and those that wheels may expect of any Linux; each at its own path.
{
  ldd "$prefix/bin/$python" "$prefix/lib/$python"/lib-dynload/*.so "$site_packages"/*.so 2>/dev/null |
    awk '/=> \//{print $3} /^\t\/lib.*\/ld/{print $1}'
  for name in libgcc_s.so.1 libstdc++.so.6 libresolv.so.2 libnss_dns.so.2 libnss_files.so.2 librt.so.1 libdl.so.2 \
    libpthread.so.0; do
    ls "/lib/$(uname -m)-linux-gnu/$name" "/usr/lib/$(uname -m)-linux-gnu/$name" 2>/dev/null | head -n 1
  done
} | sort -u | { grep -v "^$prefix" || true; } | while read -r library; do
  install -D -m 755 "$(readlink -f "$library")" "$root$library"
done

echo 'root:x:0:0:root:/root:/bin/sh' > "$root/etc/passwd"
echo 'root:x:0:' > "$root/etc/group"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
