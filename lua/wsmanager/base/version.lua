-- The version of this library: that of the rockspecs of its release.

return "1.0.0"
