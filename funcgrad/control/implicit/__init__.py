"""Values that equations define: roots, fixed points, linear systems."""
