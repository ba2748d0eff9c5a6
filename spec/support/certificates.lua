-- Certificates for the specs, made with the openssl command line: two CAs, the
-- leaves they signed (each with what is right or wrong about it), and keys.

local SCRIPT = [[
set -e
cd "$1"
exec 2> openssl.log
cat > ca.cnf <<'END'
[ca]
default_ca = any
[any]
new_certs_dir = .
database = index
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
copy_extensions = copy
x509_extensions = leaf
[policy]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
[inner]
basicConstraints = critical, CA:TRUE
[req]
distinguished_name = names
[names]
END
: > index

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

root() {   # file, common name
  key "$1"
  openssl req -x509 -new -config ca.cnf -key "$1.key" -subj "/CN=$2" \
    -days 3650 -addext basicConstraints=critical,CA:TRUE -out "$1.pem"
}

sign() {   # file, CA, common name, key, first day, last day, extensions ...
  file=$1 ca=$2 name=$3 key=$4 from=$5 to=$6 kind=$7
  shift 7
  openssl req -new -config ca.cnf -key "$key.key" -subj "/CN=$name" "$@" \
    -out request
  openssl ca -batch -notext -config ca.cnf -cert "$ca.pem" \
    -keyfile "$ca.key" -startdate "${from}000000Z" -enddate "${to}000000Z" \
    -extensions "$kind" -in request -out "$file.pem"
}

leaf() {   # file, CA, subject alternative names [, first day, last day]
  sign "$1" "$2" "$1" leaf "${4:-20200101}" "${5:-20990101}" leaf \
    -addext "subjectAltName=$3" -addext extendedKeyUsage=serverAuth
}

pin() {   # file: what curl's --pinnedpubkey takes
  openssl pkey -in "$1.key" -pubout -outform der -out public
  printf 'sha256//' > "$1.pin"
  openssl dgst -sha256 -binary public | openssl base64 -A >> "$1.pin"
}

HERE=DNS:localhost,IP:127.0.0.1,IP:::1
root ca 'Test CA'
root other 'Other CA'
key leaf
key client
key inner
pin leaf
pin client
openssl genrsa -out rsa512.key 512
openssl genrsa -out rsa1024.key 1024
for bits in 512 1024; do
  sign weak$bits ca weak$bits rsa$bits 20200101 20990101 leaf \
    -addext "subjectAltName=$HERE"
done
leaf good ca "$HERE"
leaf expired ca "$HERE" 20200101 20240102
leaf early ca "$HERE" 20900203 20990101
leaf wrong ca DNS:other.example,DNS:www.other.example,IP:192.0.2.1
leaf wildcard ca 'DNS:*.example.org,DNS:example.org'
leaf partial ca 'DNS:w*.example.org'
leaf unknown other "$HERE"
sign inner ca 'Inner CA' inner 20200101 20990101 inner
leaf deep inner "$HERE"
cat deep.pem inner.pem > chain.pem
sign past ca 'Past CA' inner 20200101 20240102 inner
cp inner.key past.key
leaf late past "$HERE"
cat late.pem past.pem > latechain.pem
leaf many ca "$(for n in 1 2 3 4 5 6 7 8 9; do
  printf '%sDNS:room-%d.chat.example' "$comma" $n; comma=,; done)"
sign unnamed ca plain.example leaf 20200101 20990101 leaf
sign client ca client client 20200101 20990101 leaf \
  -addext extendedKeyUsage=clientAuth
sign stranger other stranger client 20200101 20990101 leaf \
  -addext extendedKeyUsage=clientAuth
openssl req -x509 -new -config ca.cnf -key leaf.key -subj /CN=localhost \
  -days 3650 -addext "subjectAltName=$HERE" -out selfsigned.pem
openssl ec -in leaf.key -aes128 -passout pass:secret -out locked.key
mkdir folder
cp ca.pem "folder/$(openssl x509 -in ca.pem -noout -hash).0"
]]

local certificates = {}
certificates.__index = certificates

-- Makes them all in a new temporary directory.
function certificates.make()
  local name = os.tmpname()
  os.remove(name)
  local self = setmetatable({ directory = name .. ".d" }, certificates)
  local script = assert(io.open(name, "w"))
  script:write(SCRIPT)
  script:close()
  os.execute("mkdir -m 700 " .. self.directory)
  local status = os.execute("sh " .. name .. " " .. self.directory)
  os.remove(name)
  if status ~= 0 and status ~= true then
    error("openssl failed: " .. self:text("openssl.log"))
  end
  return self
end

function certificates:path(name)
  return self.directory .. "/" .. name
end

function certificates:text(name)
  local file = assert(io.open(self:path(name), "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function certificates:remove()
  os.execute("rm -rf " .. self.directory)
end

return certificates
