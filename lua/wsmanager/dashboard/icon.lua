-- The dashboard's icon.

return [=[
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
<rect width="16" height="16" rx="3" fill="#0b63b8"/>
<path d="M2 9h3l2-5 2.5 9L12 7l1 2h1" fill="none" stroke="#fff" stroke-width="1.5"/>
</svg>
]=]
